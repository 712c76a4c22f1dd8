// Drives a server of the Messages API with the official SDK, and prints what the SDK made of it.
// Usage: node anthropic-client.mjs BASE_URL URL_OF_A_SERVER_THAT_ANSWERS_429

import Anthropic from "@anthropic-ai/sdk";

const [client, limited] = process.argv
  .slice(2)
  .map((baseURL) => new Anthropic({ baseURL, apiKey: "sk-test", maxRetries: 0 }));

const title = { type: "string", minLength: 1, maxLength: 120 };
const tools = ["habits_create", "todo_create"].map((name) => ({
  name,
  description: name,
  input_schema: { type: "object", properties: { title }, required: ["title"] },
}));
const ask = (content, more = {}) => ({
  model: "claude-haiku-5-5",
  max_tokens: 1000,
  messages: [{ role: "user", content }],
  ...more,
});

/** A whole conversation with tools, streamed; each reply as the SDK put it together. */
async function toolLoop() {
  const request = ask("Nutze zwei oder drei Werkzeuge: todo 60 %, habits 40 %.", {
    system: [{ type: "text", text: "Du bist Anna.", cache_control: { type: "ephemeral" } }],
    tools,
  });
  const replies = [];
  for (;;) {
    const stream = client.messages.stream(request);
    let deltas = 0;
    stream.on("streamEvent", (event) => (deltas += event.type === "content_block_delta" ? 1 : 0));
    const message = await stream.finalMessage();
    replies.push({ message, deltas, requestId: stream.request_id });
    if (message.stop_reason !== "tool_use") return replies;
    const calls = message.content.filter((block) => block.type === "tool_use");
    const results = calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: '{"ok":true}' }));
    request.messages.push({ role: "assistant", content: message.content }, { role: "user", content: results });
  }
}

/** How the SDK reports a request that is refused. */
async function refusal(client, request) {
  try {
    await client.messages.create(request);
    return "no error";
  } catch (error) {
    const { status, requestID, message } = error;
    const kind = ["BadRequestError", "RateLimitError"].find((name) => error instanceof Anthropic[name]);
    return { kind, status, requestID, message };
  }
}

const result = {
  toolLoop: await toolLoop(),
  whole: await client.messages.create(ask("Bewerte: todo, notes, habits.")),
  badRequest: await refusal(client, ask("Hallo", { tools: [{ ...tools[0], name: "todo.create" }] })),
  rateLimit: await refusal(limited, ask("Hallo")),
};
console.log(JSON.stringify(result));
