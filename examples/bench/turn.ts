// One turn of a persona: a day of tool calls in one MCP session, and a fresh conversation in which it is rated.

import type Anthropic from "@anthropic-ai/sdk";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { createHash, randomUUID } from "node:crypto";

import type { Account, ActionRow, FeedbackRow, Persona } from "./mana.ts";
import { dayPrompt, ratingPrompt, REPLY_SCHEMA } from "./prompts.ts";

const MODEL = "claude-haiku-5-5";
const MAX_TOKENS = 4096;
const MAX_ROUNDS = 15;
/** Marks a prefix for the prompt cache, as the daemon does. */
const CACHED = { type: "ephemeral" } as const;

export class Turn {
  private readonly id = randomUUID();

  constructor(
    private readonly claude: Anthropic,
    private readonly persona: Persona,
    private readonly today: string,
  ) {}

  /** Spends the day, in a session of its own. */
  async act(url: URL, account: Account): Promise<ActionRow[]> {
    const headers = { authorization: `Bearer ${account.jwt}`, "x-mana-space": account.space };
    const transport = new StreamableHTTPClientTransport(url, {
      requestInit: { headers },
      fetch: withoutStandingStream,
    });
    const session = new Client({ name: "plain-loop", version: "1.0.0" });
    await session.connect(transport);
    try {
      return await this.day(session);
    } finally {
      await transport.terminateSession();
      await session.close();
    }
  }

  /** Rates the modules that were used. */
  async rate(actions: ActionRow[]): Promise<FeedbackRow[]> {
    const modules = [...new Set(actions.map((action) => moduleOf(action.toolName)))];
    if (modules.length === 0) return [];
    const messages = [{ role: "user" as const, content: ratingPrompt(modules, actions) }];
    const format = { type: "json_schema" as const, schema: REPLY_SCHEMA };
    const text = textOf(await this.ask({ messages, output_config: { format } }));
    const { ratings } = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
    return ratings
      .filter((own: FeedbackRow) => modules.includes(own.module))
      .map(({ module, rating, notes }: FeedbackRow) => ({ tickId: this.id, module, rating, notes }));
  }

  private async day(session: Client): Promise<ActionRow[]> {
    const { tools } = await session.listTools();
    const names = new Map(tools.map((tool) => [tool.name.replaceAll(".", "_"), tool.name]));
    const offered: Anthropic.Tool[] = tools.map(({ name, description, inputSchema }) => ({
      name: name.replaceAll(".", "_"),
      description,
      input_schema: inputSchema as Anthropic.Tool.InputSchema,
    }));
    offered.sort((a, b) => (a.name < b.name ? -1 : 1));
    const last = offered.at(-1);
    if (last) last.cache_control = CACHED;
    const messages: Anthropic.MessageParam[] = [{ role: "user", content: dayPrompt(this.persona, this.today) }];
    const actions: ActionRow[] = [];
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const reply = await this.ask({ messages, tools: offered });
      messages.push({ role: "assistant", content: reply.content });
      const calls = reply.content.filter((block) => block.type === "tool_use");
      if (reply.stop_reason !== "tool_use" || calls.length === 0) break;
      const results: Anthropic.ToolResultBlockParam[] = [];
      for (const call of calls) {
        const { action, result } = await this.call(session, names.get(call.name) ?? call.name, call);
        actions.push(action);
        results.push(result);
      }
      messages.push({ role: "user", content: results });
    }
    return actions;
  }

  /** One request, streamed. */
  private ask(
    request: Pick<Anthropic.MessageStreamParams, "messages" | "tools" | "output_config">,
  ): Promise<Anthropic.Message> {
    const system = [{ type: "text" as const, text: this.persona.systemPrompt, cache_control: CACHED }];
    const whole = { model: MODEL, max_tokens: MAX_TOKENS, cache_control: CACHED, system, ...request };
    return this.claude.messages.stream(whole).finalMessage();
  }

  private async call(session: Client, tool: string, call: Anthropic.ToolUseBlock) {
    const began = performance.now();
    const answer = await session.callTool({ name: tool, arguments: call.input as Record<string, unknown> });
    const latencyMs = Math.round(performance.now() - began);
    const blocks = answer.content as { type: string; text?: string }[];
    const text = blocks.map((block) => block.text ?? `[${block.type}]`).join("\n");
    const isError = answer.isError === true;
    const action: ActionRow = {
      tickId: this.id,
      toolName: tool,
      inputHash: createHash("sha256").update(JSON.stringify(call.input)).digest("hex").slice(0, 16),
      result: isError ? "error" : "ok",
      latencyMs,
    };
    if (isError) action.errorMessage = text.slice(0, 500);
    const result: Anthropic.ToolResultBlockParam = { type: "tool_result", tool_use_id: call.id, content: text };
    if (isError) result.is_error = true;
    return { action, result };
  }
}

/** The SDK opens a stream for messages that nobody asked for. The daemon does not, and nothing comes on it. */
function withoutStandingStream(url: string | URL, init?: RequestInit): Promise<Response> {
  return init?.method === "GET" ? Promise.resolve(new Response(null, { status: 405 })) : fetch(url, init);
}

function textOf(reply: Anthropic.Message): string {
  return reply.content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

function moduleOf(tool: string): string {
  return tool.split(".", 1)[0] ?? tool;
}
