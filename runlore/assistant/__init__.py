"""An assistant's way in: tools over MCP and in a chat, each figure with its evidence."""
