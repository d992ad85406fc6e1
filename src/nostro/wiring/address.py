"""Can anyone listen where we are told to, and if not, which setting mends it?"""

from __future__ import annotations

import errno
import socket

from nostro.runtime.ports import NotDone


class AddressUnavailable(NotDone):
    """The address cannot be listened on; `remedy` names the setting that mends it."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        detail = f"cannot listen on {host}:{port} ({error.strerror})"
        remedy = _REMEDIES.get(error.errno or 0, "choose an address of this machine, NOSTRO_HOST")
        super().__init__(f"{detail}: {remedy}")
        self.detail = detail
        self.remedy = remedy


def numeric(host: str) -> str:
    """Return the address that a host name stands for, IPv4 first; raises AddressUnavailable."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise AddressUnavailable(host, 0, error) from None
    of_ipv4 = [address for family, *_, address in found if family == socket.AF_INET]
    return str((of_ipv4 or [found[0][-1]])[0][0])


def free_port(host: str, port: int) -> int:
    """Return a port that nobody listens on: `port`, or any free one for 0.

    The server shares its port willingly (SO_REUSEPORT), so that a second platform would take half
    of the connections of the first; hence this look before. Raises AddressUnavailable.
    """
    address = numeric(host)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise AddressUnavailable(host, port, error) from None
        number: int = probe.getsockname()[1]
        return number


_REMEDIES = {
    errno.EADDRINUSE: "stop what listens there, or choose another port with NOSTRO_PORT",
    errno.EACCES: "choose a port above 1023 with NOSTRO_PORT",
}
