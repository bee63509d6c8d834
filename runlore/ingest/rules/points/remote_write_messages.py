"""The protobuf messages of Prometheus remote write, as far as they are read.

Labels and histograms of a series stay bytes: a label set that was seen before is not read again.
"""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FILE = "runlore/remote_write.proto"
Field = descriptor_pb2.FieldDescriptorProto
FIELDS: dict[str, tuple[tuple[str, int, int, bool, str], ...]] = {
    "Label": (
        ("name", 1, Field.TYPE_STRING, False, ""),
        ("value", 2, Field.TYPE_STRING, False, ""),
    ),
    "Sample": (
        ("value", 1, Field.TYPE_DOUBLE, False, ""),
        ("timestamp", 2, Field.TYPE_INT64, False, ""),
    ),
    "Family": (
        ("type", 1, Field.TYPE_INT32, False, ""),
        ("name", 2, Field.TYPE_BYTES, False, ""),
        ("unit", 5, Field.TYPE_BYTES, False, ""),
    ),
    "Metadata": (
        ("type", 1, Field.TYPE_INT32, False, ""),
        ("unit_ref", 4, Field.TYPE_UINT32, False, ""),
    ),
    "SeriesV1": (
        ("labels", 1, Field.TYPE_BYTES, True, ""),
        ("samples", 2, Field.TYPE_MESSAGE, True, "Sample"),
        ("histograms", 4, Field.TYPE_BYTES, True, ""),
    ),
    "SeriesV2": (
        ("labels_refs", 1, Field.TYPE_UINT32, True, ""),
        ("samples", 2, Field.TYPE_MESSAGE, True, "Sample"),
        ("histograms", 3, Field.TYPE_BYTES, True, ""),
        ("metadata", 5, Field.TYPE_MESSAGE, False, "Metadata"),
    ),
}


@cache
def message(name: str) -> Any:  # noqa: ANN401  (classes that protobuf makes at run time)
    """The class of a message in FIELDS."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"runlore.{name}"))


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name=FILE, package="runlore", syntax="proto3")
    for name, fields in FIELDS.items():
        described = file.message_type.add(name=name)
        for field, number, kind, is_repeated, of in fields:
            described.field.add(
                name=field,
                number=number,
                type=kind,
                label=Field.LABEL_REPEATED if is_repeated else Field.LABEL_OPTIONAL,
                type_name=f".runlore.{of}" if of else None,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool
