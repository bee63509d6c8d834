"""Texts cut to what MLflow keeps."""

NOTE = "mlflow.note.content"
MOST_RUN = 8000
MOST_VERSION = 5000


def fitted(markdown: str, most: int, whole: str) -> str:
    """A text that is too long ends before the section that does not fit, and says where it is.

    >>> print(fitted("# A\\n\\n## B\\nshort\\n\\n## C\\nlong, long, long", 47, "file `c.md`"))
    # A
    <BLANKLINE>
    ## B
    short
    <BLANKLINE>
    The rest is in file `c.md`.
    """
    if len(markdown) <= most:
        return markdown
    rest = f"\n\nThe rest is in {whole}."
    kept = markdown[: most - len(rest)]
    section = kept.rfind("\n## ")
    return kept[: section if section > 0 else None].rstrip() + rest
