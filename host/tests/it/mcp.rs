//! The MCP client, against servers that nobody here wrote.
