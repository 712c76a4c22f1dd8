//! One Streamable HTTP session per turn with the app's MCP server. Only this room knows rmcp's client.
