"""Objects of a tool's JSON, in pages or not, read like the rows of its CSV files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from runlore.records.formats.jenkins import JenkinsReader
from runlore.records.formats.jenkins_builds import PARAMETER, flat_builds
from runlore.records.formats.parsed import Parsed
from runlore.records.formats.tool_cells import CellReader, object_cells, refuse_other_objects

Object = Mapping[str, Any]


@dataclass(frozen=True)
class ExportParser:
    """Reads objects, or pages of them: objects that hold a list under one of `lists`."""

    reader: CellReader
    lists: Sequence[str] = ()

    def parse(self, page: Sequence[Object], first_row: int) -> Parsed:
        rows = [
            (row, item) for row, whole in enumerate(page, first_row) for item in self._items(whole)
        ]
        lines, items = np.array([row for row, _ in rows], dtype=np.int64), [one for _, one in rows]
        if first_row == 1:
            refuse_other_objects(items, self.reader)
        return self.reader.read(object_cells(items, lines, self.reader))

    def _items(self, whole: Object) -> Iterator[Object]:
        pages = [whole[name] for name in self.lists if isinstance(whole.get(name), list)]
        if not pages:
            yield whole
        for page in pages:
            yield from (item for item in page if isinstance(item, Mapping))


@dataclass(frozen=True)
class JenkinsParser:
    """Reads builds, and jobs and folders with the builds in them."""

    reader: JenkinsReader
    lists: Sequence[str] = ()  # a job's name stands beside its builds

    def parse(self, page: Sequence[Object], first_row: int) -> Parsed:
        rows = [
            (row, build)
            for row, whole in enumerate(page, first_row)
            for build in flat_builds(whole)
        ]
        builds = [build for _, build in rows]
        names = sorted({name for build in builds for name in build if name.startswith(PARAMETER)})
        reader = replace(self.reader, parameters=names, fields=(*self.reader.fields, *names))
        lines = np.array([row for row, _ in rows], dtype=np.int64)
        return reader.read(object_cells(builds, lines, reader))
