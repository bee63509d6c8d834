"""Names of executions, actors, kinds and scopes, the same from a log and over HTTP."""


def trimmed(name: str) -> str:
    """The name without blanks around it, as `utf8_trim_whitespace` of Arrow trims a column."""
    return name.strip()
