"""Take secrets out of a text: the one redaction of everything that is shown or logged.

Two things are recognised: what looks like a secret wherever it stands (the login in an address, a
parameter `token=…`, an `Authorization` header, a key of ours), and the values that this process
knows to be secret, whatever they look like.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

MASK = "***"
MIN_SECRET_CHARACTERS = 8  # of a known value; shorter ones would be found in ordinary words

LOGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<login>[^\s/?#\"<>\\`]*)@", re.IGNORECASE)
NAME = r"[\w.-]*(?:token|secret|passw(?:or)?d|pwd|credential|signature|[_-]key)|key|apikey|auth|sig"
PARAMETER = re.compile(rf"([?&;](?:amp;)?(?:{NAME})=)[^&;\s#\"'<>)\]}}]+", re.IGNORECASE)
PASSWORD = re.compile(r"(?<![\w-])(password\s?=\s?[\"']?)(?!\s|\*)[^\s&;,\"'()]+", re.IGNORECASE)
SCHEME = re.compile(r"\b(basic|bearer)\s+(?=[^\s\"',;]*[\d=])[\w+/=.~-]{12,}", re.IGNORECASE)
API_KEY = re.compile(r"\b(rl_[0-9a-f]{10}_)[0-9a-f]{64}\b")
SECRET_VARIABLE = re.compile(
    r"(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|AUTH_STRING"
    r"|(?:API|ACCESS|PRIVATE|ENCRYPTION|SECRET)_KEY)$"
)

_known: set[str] = set()  # secrets of this process, as they are and as addresses spell them


def hide(*secrets: str) -> None:
    """Register secrets, which this process redacts from everything that it shows or logs."""
    for secret in secrets:
        spellings = (secret, unquote(secret), quote(secret, safe=""))
        _known.update(one for one in spellings if len(one) >= MIN_SECRET_CHARACTERS)


def redact(text: str) -> str:
    """Hide what looks like a secret or is known to be one.

    >>> redact("http://ann:hush@host:5000/x?token=abc&page=2 is away")
    'http://***@host:5000/x?token=***&page=2 is away'
    >>> redact("Authorization: Basic YW5uOmh1c2g=")
    'Authorization: Basic ***'
    >>> redact("postgresql+psycopg://runlore@/runlore?host=/run")
    'postgresql+psycopg://runlore@/runlore?host=/run'
    """
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    if "@" in text:
        text = LOGIN.sub(_hide_login, text)
    if "=" in text:
        text = PASSWORD.sub(rf"\1{MASK}", PARAMETER.sub(rf"\1{MASK}", text))
    return SCHEME.sub(rf"\1 {MASK}", API_KEY.sub(rf"\1{MASK}", text))


def redact_value(value: Any) -> Any:  # noqa: ANN401  (whatever JSON holds)
    """Redact every text inside a value of lists and mappings; other values stay as they are."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact_value(key): redact_value(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [redact_value(one) for one in value]
    return value


def without_login(url: str) -> str:
    """An address without its login and secret parameters, for links.

    >>> without_login("https://ann:hush@mlflow.example.org/pages?token=abc")
    'https://mlflow.example.org/pages?token=***'
    """
    return redact(LOGIN.sub(r"\g<scheme>://", url))


def secrets_of(environment: Mapping[str, str]) -> Iterator[str]:
    """The values of variables whose name says so, and the secrets in variables with addresses.

    >>> list(secrets_of({"API_TOKEN": "abc", "DB": "postgresql://me:hush@db/x", "HOME": "/root"}))
    ['abc', 'hush']
    """
    for name, value in environment.items():
        if SECRET_VARIABLE.search(name):
            yield value
            yield from _of_login(value)
        elif "://" in value:
            yield from _of_login(value.partition("://")[2].rpartition("@")[0])
            yield from (match[0][len(match[1]) :] for match in PARAMETER.finditer(value))


def _of_login(login: str) -> Iterator[str]:
    """Of `user:password` the password, unless it is the same word as the user."""
    user, _, password = login.partition(":")
    if password and unquote(password) != unquote(user):
        yield password


def _hide_login(match: "re.Match[str]") -> str:
    """A user without a password stays for PostgreSQL; elsewhere a lone name may be a token."""
    if ":" not in match["login"] and match["scheme"].lower().startswith("postgres"):
        return match[0]
    return f"{match['scheme']}://{MASK}@"
