"""What is wrong, told in the product's own words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from runlore.kernel.errors import BadInput


@contextmanager
def in_its_words(fields: Mapping[str, str]) -> Iterator[None]:
    """fields: Runlore's name of a field -> the product's."""
    try:
        yield
    except BadInput as error:
        name = fields.get(error.field or "", error.field)
        text = str(error)
        if error.field and text.startswith(f"{error.field}:"):
            text = f"{name}{text[len(error.field) :]}"
        raise BadInput(text, name) from error
