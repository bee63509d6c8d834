"""Texts cut to what MLflow keeps."""

NOTE = "mlflow.note.content"
MOST_RUN = 8000
MOST_VERSION = 5000


def spaced(markdown: str) -> str:
    """Cells kept apart: MLflow's pages draw tables without any room between columns.

    >>> print(spaced("a | b\\n\\n| a | b |\\n|---|---:|\\n| 1 | 2 |"))
    a | b
    <BLANKLINE>
    | a&emsp; | b&emsp; |
    |---|---:|
    | 1&emsp; | 2&emsp; |
    """
    lines = markdown.split("\n")
    return "\n".join(
        line.replace(" |", "&emsp; |") if line.startswith("| ") else line for line in lines
    )


def fitted(markdown: str, most: int, whole: str) -> str:
    """A text that is too long ends before the section that does not fit, and says where it is.

    >>> print(fitted("# A\\n\\n## B\\nshort\\n\\n## C\\n" + "long, " * 9, 50, "file `c.md`"))
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
    shortened = markdown[: most - len(rest)]
    section = shortened.rfind("\n## ")
    return shortened[: section if section > 0 else None].rstrip() + rest
