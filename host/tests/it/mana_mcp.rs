//! The stand-in mana-mcp, driven by the official MCP client.
