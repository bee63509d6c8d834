"""Limit how large a body may be: `read_body` stops at that size."""

from dataclasses import dataclass

from bentos.access.visit import Visit


@dataclass(frozen=True)
class BodyCheck:
    max_mb: int  # MiB

    async def __call__(self, visit: Visit) -> None:
        visit.request.state.max_body_mb = self.max_mb
