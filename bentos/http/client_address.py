"""Who is at the other end: the address of a client, also behind proxies that the settings name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import Request

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

FORWARDED_FOR = b"x-forwarded-for"
PROXIED = frozenset(
    {FORWARDED_FOR, b"forwarded", b"x-real-ip", b"x-forwarded-host", b"x-forwarded-proto", b"via"}
)  # headers that proxies add; a request with one of them has come through a proxy
UNKNOWN, LOOPBACK = "unknown", "loopback"
LONGEST_ADDRESS = 64  # characters, with a zone and a port
NETWORK_BITS = 64  # of an IPv6 address: one client usually has all addresses of such a network


@dataclass(frozen=True)
class TrustedProxies:
    """networks: the proxies whose `X-Forwarded-For` is believed; all others' is not."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, texts: Sequence[str]) -> "TrustedProxies":
        """texts: addresses and networks, as the settings have checked them."""
        return cls(tuple(ip_network(text) for text in texts))

    def client(self, request: Request) -> Address | None:
        """The address of who asks; None where nobody can tell.

        Each proxy adds the address that it saw at the right, so the client is the rightmost one
        that is no proxy of ours. What stands further left is only what the client says.
        """
        peer = parse_address(request.client.host) if request.client else None
        if peer is None or not self._trusts(peer):
            return peer
        client: Address | None = peer
        for text in _forwarded(request):
            client = parse_address(text)
            if client is None or not self._trusts(client):
                return client
        return client

    def is_local(self, request: Request) -> bool:
        """Whether it comes from this machine, and not from elsewhere through a proxy on it."""
        host, port = request.scope.get("server") or ("", None)
        if port is not None and not is_loopback(host):
            return False
        if not any(name in PROXIED for name, _ in request.scope["headers"]):
            return True
        peer = parse_address(request.client.host) if request.client else None
        if peer is None or not self._trusts(peer) or not _has_forwarded(request):
            return False
        client = self.client(request)
        return client is not None and client.is_loopback

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def bucket_of(address: Address | None) -> str:
    """What counts as one client to the limiter.

    This machine is one, by whichever of its loopback addresses it comes.
    """
    if address is None:
        return UNKNOWN
    if address.is_loopback:
        return LOOPBACK
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), NETWORK_BITS), strict=False))


def parse_address(text: str) -> Address | None:
    """An address as a socket or a proxy writes it, with or without a port; None for other text.

    >>> [str(parse_address(text)) for text in ("::ffff:10.0.0.1", "10.0.0.1:80", "[::1]:80", "x")]
    ['10.0.0.1', '10.0.0.1', '::1', 'None']
    """
    return _parse(text) if len(text) <= LONGEST_ADDRESS else None


@lru_cache(maxsize=4096)
def _parse(text: str) -> Address | None:
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "::ffff:127.0.0.1")]
    [True, True, True, True]
    >>> [is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "", "some.host")]
    [False, False, False, False, False]
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _has_forwarded(request: Request) -> bool:
    return any(name == FORWARDED_FOR for name, _ in request.scope["headers"])


def _forwarded(request: Request) -> Iterator[str]:
    """The addresses of all `X-Forwarded-For` headers, the last one first."""
    values = [value for name, value in request.scope["headers"] if name == FORWARDED_FOR]
    for value in reversed(values):
        yield from reversed(value.decode("latin-1").split(","))
