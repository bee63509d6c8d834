"""Which hosts an address of others may lead to."""

from ipaddress import IPv6Address, IPv6Network, ip_address

NAT64 = IPv6Network("64:ff9b::/96")


def is_public(text: str) -> bool:
    """Whether an IP address is one of the public internet, also where it wraps an IPv4 one.

    >>> is_public("93.184.216.34"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1")
    (True, False, False)
    >>> is_public("64:ff9b::7f00:1"), is_public("169.254.169.254")
    (False, False)
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_public(str(inner))
        if address in NAT64 or address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast
