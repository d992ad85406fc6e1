"""To which addresses is nothing ever sent?"""

from __future__ import annotations

import ipaddress

import pytest

from nostro.adapters.webhooks.addresses import AddressRefused, allowed, check_url, resolve
from nostro.kernel.messages import Rejection


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "webhooks.bad_url"),
        ("hook", "webhooks.bad_url"),
        ("ftp://example.com/", "webhooks.bad_url"),
        ("file:///etc/passwd", "webhooks.bad_url"),
        ("https://", "webhooks.bad_url"),
        ("https://[::1", "webhooks.bad_url"),
        ("https://example.com:0/", "webhooks.bad_url"),
        ("https://example.com:99999/", "webhooks.bad_url"),
        ("https://user:secret@example.com/", "webhooks.bad_url"),
        ("https://example.com/#part", "webhooks.bad_url"),
        ("https://example.com/a b", "webhooks.bad_url"),
        ("https://exämple.com/", "webhooks.bad_url"),
        ("https://example.com/" + "a" * 2_048, "webhooks.bad_url"),
        ("http://example.com/", "webhooks.bad_url"),
        ("http://127.0.0.1/", "webhooks.bad_url"),
        ("https://127.0.0.1/", "webhooks.address_refused"),
        ("https://localhost/", "webhooks.address_refused"),
        ("https://10.0.0.1/", "webhooks.address_refused"),
        ("https://169.254.169.254/latest", "webhooks.address_refused"),
        ("https://[::ffff:10.0.0.1]/", "webhooks.address_refused"),
        ("https://[fd00::1]/", "webhooks.address_refused"),
        ("https://0.0.0.0/", "webhooks.address_refused"),
    ],
)
def test_a_url_that_leads_nowhere_good_is_refused(url: str, code: str) -> None:
    with pytest.raises(Rejection) as caught:
        check_url(url, loopback=False)
    assert caught.value.code == code


def test_loopback_is_reached_only_where_a_setting_says_so() -> None:
    for url in ("http://127.0.0.1:8080/h", "http://localhost/h", "http://[::1]/h"):
        assert check_url(url, loopback=True).path == "/h"
    with pytest.raises(Rejection):
        check_url("http://192.168.1.1/", loopback=True)


@pytest.mark.parametrize(
    "text",
    [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "::",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:192.168.0.1",
        "2002:c0a8:0001::1",
        "64:ff9b::a00:1",
    ],
)
def test_private_addresses_are_refused_in_every_dress(text: str) -> None:
    assert not allowed(ipaddress.ip_address(text), loopback=True)


@pytest.mark.parametrize("text", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_public_addresses_are_allowed(text: str) -> None:
    assert allowed(ipaddress.ip_address(text), loopback=False)


async def test_a_name_is_refused_for_what_it_resolves_to() -> None:
    with pytest.raises(AddressRefused):
        await resolve("localhost", 443, loopback=False)
    assert ipaddress.ip_address(await resolve("localhost", 443, loopback=True)).is_loopback
    with pytest.raises(AddressRefused):
        await resolve("no-such-name.invalid", 443, loopback=True)
