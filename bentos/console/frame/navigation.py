"""The navigation: the pages at the top, and a second row with the pages of the group shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bentos.console.frame.page import ConsolePage


@dataclass(frozen=True)
class NavigationLink:
    """current: the value of aria-current, empty elsewhere."""

    title: str
    path: str
    current: str = ""


@dataclass(frozen=True)
class Navigation:
    """top: pages, and one link per group. group, row: the group that is shown, and its pages."""

    top: tuple[NavigationLink, ...]
    group: str = ""
    row: tuple[NavigationLink, ...] = ()


def navigate(pages: Sequence[ConsolePage], here: str) -> Navigation:
    """The navigation of one address. A group leads to the first of its pages."""
    top: dict[str, NavigationLink] = {}
    group = next((page.group for page in pages if page.group and _is_in(page, here)), "")
    for page in pages:
        if not page.group:
            top[page.title] = _link(page, here)
        elif page.group not in top:
            current = "true" if page.group == group else ""
            top[page.group] = NavigationLink(page.group, page.path, current)
    row = _links((page for page in pages if page.group == group), here) if group else ()
    return Navigation(tuple(top.values()), group, row)


def _links(pages: Iterable[ConsolePage], here: str) -> tuple[NavigationLink, ...]:
    return tuple(_link(page, here) for page in pages)


def _link(page: ConsolePage, here: str) -> NavigationLink:
    return NavigationLink(page.title, page.path, "page" if _is_in(page, here) else "")


def _is_in(page: ConsolePage, here: str) -> bool:
    return here == page.path or here.startswith(f"{page.path}/")
