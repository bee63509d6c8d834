"""Read the form of a page: small, of our own page, in UTF-8."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from bentos.http.bodies import read_body
from bentos.http.errors import Forbidden, Malformed

TOKEN = "form_token"  # noqa: S105  (the name of a field)
TYPE = "application/x-www-form-urlencoded"
MAX_MB, MAX_FIELDS = 1, 100


async def read_form(request: Request) -> dict[str, str]:
    """The fields without the token.

    Raises Forbidden where the token is not that of the page, Malformed for another sort of body.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != TYPE:
        raise Malformed(f"send a form: content-type {TYPE}")
    request.state.max_body_mb = MAX_MB
    body = await read_body(request)
    try:
        text = body.decode()
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise Malformed("the form is not UTF-8, or has too many fields") from error
    form = dict(pairs)
    if not request.app.state.access.sessions.is_form_token(request, form.pop(TOKEN, "")):
        raise Forbidden("this form is not of a page of yours, or is too old: load it again", {})
    return form
