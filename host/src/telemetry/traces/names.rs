//! Every name that stands in a trace. Those of the GenAI and MCP conventions are still called "development" by
//! OpenTelemetry (semantic-conventions-genai, in November 2026): when one changes, this is the place.

/// What an attempt of a turn is, in the words of the conventions.
pub(super) const INVOKE_AGENT: &str = "invoke_agent";
/// What a call to Claude is.
pub(super) const CHAT: &str = "chat";
/// What a tool call is.
pub(super) const EXECUTE_TOOL: &str = "execute_tool";
/// Who is asked.
pub(super) const ANTHROPIC: &str = "anthropic";
/// The method of MCP that calls a tool.
pub(super) const TOOLS_CALL: &str = "tools/call";
/// The error of a tool that says that it failed.
pub(super) const TOOL_ERROR: &str = "tool_error";
/// What MCP goes over.
pub(super) const TCP: &str = "tcp";

pub(super) const SERVICE_VERSION: &str = "service.version";
pub(super) const SERVER_ADDRESS: &str = "server.address";
pub(super) const SERVER_PORT: &str = "server.port";
pub(super) const ERROR_TYPE: &str = "error.type";
pub(super) const RESEND_COUNT: &str = "http.request.resend_count";
pub(super) const TRANSPORT: &str = "network.transport";

pub(super) const OPERATION: &str = "gen_ai.operation.name";
pub(super) const PROVIDER: &str = "gen_ai.provider.name";
pub(super) const AGENT: &str = "gen_ai.agent.name";
pub(super) const CONVERSATION: &str = "gen_ai.conversation.id";
pub(super) const REQUEST_MODEL: &str = "gen_ai.request.model";
pub(super) const RESPONSE_MODEL: &str = "gen_ai.response.model";
pub(super) const RESPONSE_ID: &str = "gen_ai.response.id";
pub(super) const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
/// All tokens of the prompt, those of the cache included.
pub(super) const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub(super) const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub(super) const CACHE_READ_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
pub(super) const CACHE_WRITE_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
pub(super) const TOOL: &str = "gen_ai.tool.name";
pub(super) const TOOL_CALL: &str = "gen_ai.tool.call.id";

pub(super) const MCP_METHOD: &str = "mcp.method.name";
pub(super) const MCP_VERSION: &str = "mcp.protocol.version";

/// With consent only, as all that follow up to ours.
pub(super) const SYSTEM: &str = "gen_ai.system_instructions";
pub(super) const INPUT_MESSAGES: &str = "gen_ai.input.messages";
pub(super) const OUTPUT_MESSAGES: &str = "gen_ai.output.messages";
pub(super) const TOOL_ARGUMENTS: &str = "gen_ai.tool.call.arguments";
pub(super) const TOOL_RESULT: &str = "gen_ai.tool.call.result";

/// Ours, from here on.
pub(super) const TURN: &str = "persona.turn.id";
pub(super) const ATTEMPT: &str = "persona.attempt";
pub(super) const STRATEGY: &str = "persona.strategy";
/// As `experiment/arm`.
pub(super) const ARM: &str = "persona.arm";
pub(super) const PLUGIN: &str = "persona.plugin.name";
pub(super) const GENERATION: &str = "persona.plugin.generation";
pub(super) const DIGEST: &str = "persona.plugin.sha256";
pub(super) const SERVED_AS: &str = "persona.plugin.served_as";
pub(super) const FUNCTION: &str = "persona.plugin.function";
pub(super) const FUEL: &str = "persona.plugin.fuel";
pub(super) const MEMORY: &str = "persona.plugin.memory_bytes";
pub(super) const STAGE: &str = "persona.stage";
/// `main` or `rating`.
pub(super) const PHASE: &str = "persona.phase";
/// The step's key in the journal, as `persona-host turns show` tells it.
pub(super) const STEP: &str = "persona.step";
/// In US dollars; left out where the model's price is not known.
pub(super) const COST: &str = "persona.cost_usd";
pub(super) const OUTCOME: &str = "persona.outcome";
/// Also where nothing failed: a stop has a code, and is no error.
pub(super) const FAULT_CODE: &str = "persona.fault.code";
pub(super) const ROUNDS: &str = "persona.rounds";
pub(super) const TOOL_CALLS: &str = "persona.tool_calls";
pub(super) const ACTIONS: &str = "persona.actions";
pub(super) const RATINGS: &str = "persona.ratings";
