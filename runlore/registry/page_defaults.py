"""MLflow's pages as Runlore needs them: an ASGI middleware that puts a script into the page.

MLflow 3.17 opens as a tool for language models, with an assistant, a notice on telemetry, guided
tours and a collapsed description. It has no setting on the server for any of them: the browser
keeps each choice in its local storage. The script makes these choices before MLflow's own starts.
"""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT_PATH, STYLE_PATH = "/static-files/runlore.js", "/static-files/runlore.css"
HEAD = (
    f'<script src=".{SCRIPT_PATH}"></script><link href=".{STYLE_PATH}" rel="stylesheet">'
).encode()

# What a person can still change on MLflow's page of settings, or by closing a thing again.
FIRST_CHOICES = {
    "mlflow.settings.telemetry.enabled_v1": "false",
    "mlflow.telemetry.info.alert.dismissed_v1": "true",
    "mlflow.home.getting-started.collapsed_v1": "true",
    "mlflow.detectIssues.guidanceShown_v1": "true",
    "mlflow.flagForReview.guidanceShown_v1": "true",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "_mlflow_model_registry_promo_modal_dismissed_v1": "true",
}
# What leads to pages that this server does not answer, see `server_rules`.
FIXED_CHOICES = {
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.assistant.panelOpen_v1": "false",
}
SCRIPT = f"""\
(() => {{
  const first = {json.dumps(FIRST_CHOICES)}, fixed = {json.dumps(FIXED_CHOICES)};
  try {{
    for (const [key, value] of Object.entries(first))
      if (localStorage.getItem(key) === null) localStorage.setItem(key, value);
    for (const [key, value] of Object.entries(fixed)) localStorage.setItem(key, value);
  }} catch {{ /* the browser keeps nothing: MLflow's own choices stand */ }}
}})();
"""
STYLE = """\
/* What leads to the pages for language models, and to empty ones: the assistant's button, the
   switch of the workflow, traces, system metrics, prompts. */
[data-assistant-ui],
aside > div:has(> div[role="button"]),
aside a[href*="/traces"],
[role="tab"][id$="-trigger-evaluations"], [role="tab"][id$="-trigger-system-metrics"],
[data-testid="key-value-Registered prompts"] { display: none !important; }
/* The whole description of a run: the model card. */
div:has(> [data-testid="truncation-gradient"]) {
  max-height: none !important; overflow: visible !important;
}
/* Its tables and pictures. */
table:not([class]) { border-collapse: collapse; margin: 8px 0 16px; }
table:not([class]) :is(td, th) { border-bottom: 1px solid #8884; padding: 4px 12px 4px 0; }
img:not([class]) { max-width: min(100%, 760px); }
#root [data-testid="truncation-gradient"], #root [data-testid="show-comment-toggle"] {
  display: none !important;
}
"""
FILES = {
    SCRIPT_PATH: (b"text/javascript; charset=utf-8", SCRIPT.encode()),
    STYLE_PATH: (b"text/css; charset=utf-8", STYLE.encode()),
}


class PageDefaults:
    """Answers the two files, and names them in MLflow's page. All else passes unchanged."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        is_read = scope["type"] == "http" and scope["method"] == "GET"
        file = FILES.get(scope["path"]) if is_read else None
        if file is not None:
            await _answer(send, *file)
        elif is_read and scope["path"] == "/":
            await self._app(_uncompressed(scope), receive, _with_head(send))
        else:
            await self._app(scope, receive, send)


def _uncompressed(scope: "Scope") -> "Scope":
    """Ask for the page as it is: neither compressed nor `304 Not Modified`."""
    left_out = (b"accept-encoding", b"if-none-match", b"if-modified-since")
    headers = [(name, value) for name, value in scope["headers"] if name not in left_out]
    return {**scope, "headers": headers}


def _with_head(send: "Send") -> "Send":
    """Hold the page back until it is whole, and put our two files before MLflow's script."""
    start: list[Message] = []
    body: list[bytes] = []

    async def sent(message: "Message") -> None:
        if message["type"] == "http.response.start":
            start.append(message)
            return
        body.append(message.get("body", b""))
        if message.get("more_body"):
            return
        page = b"".join(body).replace(b"<head>", b"<head>" + HEAD, 1)
        left_out = (b"content-length", b"etag", b"last-modified")
        headers = [pair for pair in start[0]["headers"] if pair[0].lower() not in left_out]
        headers.append((b"content-length", str(len(page)).encode()))
        await send({**start[0], "headers": headers})
        await send({"type": "http.response.body", "body": page})

    return sent


async def _answer(send: "Send", kind: bytes, body: bytes) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-cache"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
