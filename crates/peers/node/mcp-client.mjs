// Drives an MCP server with the official client: node mcp-client.mjs URL JWT SPACE
// Prints what it saw as one line of JSON after each step; waits for a line on standard input before it
// closes, so that the test can look at the server while the session is open.

import { once } from "node:events";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url, jwt, space] = process.argv.slice(2);
const transport = new StreamableHTTPClientTransport(new URL(url), {
  requestInit: { headers: { Authorization: `Bearer ${jwt}`, "X-Mana-Space": space } },
});
const client = new Client({ name: "peer", version: "1.0.0" });

await client.connect(transport);
const { tools } = await client.listTools();
const created = await client.callTool({ name: "todo.create", arguments: { title: "Milch kaufen" } });
const listed = await client.callTool({ name: "todo.list", arguments: {} });
const refused = await client.callTool({ name: "todo.create", arguments: { title: "" } });
const unknown = await client.callTool({ name: "todo_list", arguments: {} });

console.log(
  JSON.stringify({
    server: client.getServerVersion(),
    capabilities: client.getServerCapabilities(),
    protocol: transport.protocolVersion,
    session: typeof transport.sessionId,
    tools,
    created,
    listed,
    refused,
    unknown,
  }),
);

await once(process.stdin, "data");
await transport.terminateSession();
await client.close();
process.exit(0);
