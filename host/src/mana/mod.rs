//! The client of mana-auth: sign-in, spaces, due list, deliveries. It knows no MCP and no model.
