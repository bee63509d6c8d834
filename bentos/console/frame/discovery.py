"""Find the pages: each folder of the console that has a module `page` with a PAGE."""

from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from bentos.console.frame.page import ConsolePage

FOLDER = Path(__file__).parents[1]
PACKAGE, FRAME = "bentos.console", "frame"


@cache
def find_pages() -> tuple[ConsolePage, ...]:
    """All pages in the order of the navigation."""
    names = [found.name for found in iter_modules([str(FOLDER)]) if found.ispkg]
    modules = [import_module(f"{PACKAGE}.{name}.page") for name in names if name != FRAME]
    pages: list[ConsolePage] = [module.PAGE for module in modules]
    return tuple(sorted(pages, key=lambda page: (page.order, page.title)))
