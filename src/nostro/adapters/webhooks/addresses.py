"""May a message be sent to this address?

Whoever registers an endpoint chooses where our machine connects to, so private networks, loopback,
link-local addresses (a cloud's metadata service) and the like are refused: when it is registered
as far as it is written as an address, and before every connection for each address that its name
has then. The connection goes to the address that was checked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

from nostro.kernel.messages import Rejection

URL_MAX = 2_048
RESOLVE_TIMEOUT_S = 5.0
LOOPBACK_NAMES = frozenset({"localhost"})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(Exception):
    """The name has an address that nothing is sent to, or has none."""


def check_url(url: str, *, loopback: bool) -> SplitResult:
    """Return the parts of an endpoint's URL: https, or http to this machine where `loopback` says
    that it may be reached. Raises Rejection `webhooks.bad_url` or `webhooks.address_refused`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Rejection("webhooks.bad_url", why="it cannot be read") from None
    if len(url) > URL_MAX or not url.isascii() or not url.isprintable() or " " in url:
        raise Rejection("webhooks.bad_url", why=f"at most {URL_MAX} visible ASCII characters")
    if parts.scheme not in ("https", "http") or not host or port == 0:
        raise Rejection("webhooks.bad_url", why="https:// and a host are expected")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Rejection("webhooks.bad_url", why="a user, a password or a fragment has no place")
    literal = _literal(host)
    is_loopback = host in LOOPBACK_NAMES or (literal is not None and literal.is_loopback)
    if parts.scheme == "http" and not (is_loopback and loopback):
        raise Rejection("webhooks.bad_url", why="https is expected")
    if is_loopback and not loopback:
        raise Rejection("webhooks.address_refused", host=host)
    if literal is not None and not allowed(literal, loopback=loopback):
        raise Rejection("webhooks.address_refused", host=host)
    return parts


def allowed(address: Address, *, loopback: bool) -> bool:
    """Return whether an address is on the public internet, or this machine where that is allowed.

    An IPv6 address that carries one of IPv4 counts as that one.
    """
    inner = address
    if isinstance(address, ipaddress.IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour
        if carried is None and address.teredo is not None:
            carried = address.teredo[1]
        if carried is None and address in _NAT64:
            carried = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        inner = carried or address
    if inner.is_loopback:
        return loopback
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


async def resolve(host: str, port: int, *, loopback: bool) -> str:
    """Return an address of a host to connect to; raises AddressRefused when any is refused: a name
    that has a private address beside a public one is up to something."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise AddressRefused(f"{host} has no address: {error}") from error
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    if not addresses:
        raise AddressRefused(f"{host} has no address")
    if not all(allowed(each, loopback=loopback) for each in addresses):
        raise AddressRefused(f"{host} is an address that nothing is sent to")
    return str(addresses[0])
