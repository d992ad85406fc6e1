"""Which identifiers of banks, accounts, entities and currencies are real?"""

from __future__ import annotations

from time import perf_counter

import pytest

from nostro.adapters.identifiers import Registry
from nostro.api import Identifiers

REGISTRY: Identifiers = Registry()


@pytest.mark.parametrize(
    "text",
    ["", "DEUT", "DEUTDEF", "deutdeff", "DEUTDEFF5", "DEUTXXFF", "DEUT DEFF", "D" * 11, "D" * 999],
)
def test_what_is_no_bic_is_told_so(text: str) -> None:
    assert REGISTRY.bic(text)


@pytest.mark.parametrize("text", ["DEUTDEFF", "DEUTDEFF500", "NDEAFIHHXXX"])
def test_a_bic_is_one(text: str) -> None:
    assert REGISTRY.bic(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DE89370400440532013001",
        "DE8937040044053201300",
        "XX89370400440532013000",
        "de89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "DE89" + "0" * 70,
    ],
)
def test_what_is_no_iban_is_told_so(text: str) -> None:
    assert REGISTRY.iban(text)


@pytest.mark.parametrize(
    "text", ["DE89370400440532013000", "GB33BUKB20201555555555", "NO9386011117947"]
)
def test_an_iban_is_one(text: str) -> None:
    assert REGISTRY.iban(text) == ""


@pytest.mark.parametrize(
    "text", ["", "7LTWFZYICNSX8D621K87", "7LTWFZYICNSX8D621K8", "7ltwfzyicnsx8d621k86"]
)
def test_what_is_no_lei_is_told_so(text: str) -> None:
    assert REGISTRY.lei(text)


def test_a_lei_is_one() -> None:
    assert REGISTRY.lei("7LTWFZYICNSX8D621K86") == ""


@pytest.mark.parametrize(("text", "is_one"), [("EUR", True), ("XYZ", False), ("eur", False)])
def test_a_currency_is_one_of_iso_4217(text: str, is_one: bool) -> None:
    assert (Registry().currency(text) == "") is is_one


def test_what_was_looked_at_is_remembered() -> None:
    REGISTRY.iban("DE89370400440532013000")
    started = perf_counter()
    for _ in range(10_000):
        REGISTRY.iban("DE89370400440532013000")
    # 5 us each would be ten times what a look into memory takes here.
    assert perf_counter() - started < 0.05 * 5
