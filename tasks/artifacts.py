"""Pages for Prefect's UI: Markdown with its plots inside, so that they need no file and no host."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from prefect.artifacts import create_markdown_artifact

from runlore.kernel.conclusion import Conclusion
from runlore.kernel.page_links import PageLinks, is_local
from runlore.registry.tables import Row, columns_of, shown


def write_page(key: str, subject: str, conclusion: Conclusion, parts: Iterable[str]) -> None:
    """Write a page under a key that stays the same, so that the newest is found.

    subject: what the conclusion is about. parts: paragraphs of Markdown; empty ones are left out.
    """
    paragraphs = [f"## {subject}: {conclusion.headline}", conclusion.advice, *parts]
    text = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    create_markdown_artifact(text, key=key, description=f"{subject}: {conclusion.headline}")


def picture(title: str, png: bytes | Path | None) -> str:
    """A plot as Markdown that holds it; empty where there is none.

    >>> picture("Scores", b"png")
    '![Scores](data:image/png;base64,cG5n)'
    """
    if isinstance(png, Path):
        png = png.read_bytes() if png.is_file() else None
    if not png:
        return ""
    return f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})"


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def table(rows: Sequence[Row]) -> str:
    """Rows as a table of Markdown; empty where there are none.

    >>> print(table([{"score": "AUC", "model": 0.78261}]))
    | score | model |
    |---|---|
    | AUC | 0.7826 |
    """
    columns = columns_of(rows)
    lines = [columns, *([shown(row.get(name)) for name in columns] for row in rows)]
    text = [f"| {' | '.join(map(_cell, line))} |" for line in lines]
    return "\n".join([text[0], "|---" * len(columns) + "|", *text[1:]]) if rows else ""


def links(targets: Mapping[str, str]) -> str:
    """A line of links; one that would mean another machine elsewhere is left out.

    >>> links({"The run": "/runlore/mlflow/#/runs/1", "Local": "http://127.0.0.1:5000/"})
    '[The run](/runlore/mlflow/#/runs/1)'
    """
    return " · ".join(f"[{name}]({to})" for name, to in targets.items() if to and not is_local(to))


def links_of_spec(pages: PageLinks, spec: str, run: str = "") -> str:
    """Where else a spec is shown. run: a run of its training."""
    targets = {"The run in MLflow": pages.run(run)} if run else {}
    targets["All versions in MLflow"] = pages.model(spec)
    targets["Its page in the console"] = pages.spec(spec)
    return links(targets)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
