"""Pure decisions about advice."""
