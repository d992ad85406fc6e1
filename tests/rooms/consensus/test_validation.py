"""Which bodies do members refuse for ever, and is every verdict the same everywhere?"""

from __future__ import annotations

import json
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given, strategies as st

from nostro.consensus.body import batch_body, config_body
from nostro.consensus.chain import Chain
from nostro.consensus.committee import Epochs
from nostro.consensus.encoding import EncodingError, Reader, canonical
from nostro.consensus.validation import MEMO_MAX, Rules, RulesetUnknown
from tests.rooms.consensus import keys

RULES = Rules(keys.verify)


def changed(**changes: Any) -> str:
    """Return a right body with some of its fields changed, by the place they stand at."""
    names = "format cycle_id batch_id number of value_date rate_set_id rates totals at_us items"
    told = dict(zip(names.split(), json.loads(keys.body(1)), strict=True))
    told.update(changes)
    return json.dumps(list(told.values()), separators=(",", ":"))


def item(**changes: Any) -> list[list[Any]]:
    names = "tx payer source amount payee destination received"
    told = dict(zip(names.split(), json.loads(keys.body(1, items=1))[-1][0], strict=True))
    told.update(changes)
    return [list(told.values())]


EUR_USD = ["EUR", "USD", 11, 10]


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        ("malformed", ""),
        ("malformed", "[]"),
        ("malformed", "\ud800"),
        ("malformed", changed(format="nostro/batch/v2")),
        ("malformed", changed(at_us=-1)),
        ("malformed", changed(at_us=1.5)),
        ("malformed", changed(at_us=2**63)),
        ("malformed", changed(at_us=1).replace('"alpha"', "[" * 10_000, 1)),
        ("malformed", changed(at_us=1).replace(",100,", "," + "9" * 10_000 + ",", 1)),
        ("malformed", changed(items=item(amount="100"))),
        ("malformed", changed(items=item(tx=""))),
        ("malformed", changed(items=item(tx="x" * 257))),
        ("malformed", changed(items=item(payer=""))),
        ("not_canonical", keys.body(1).replace(",", ", ", 1)),
        ("not_canonical", keys.body(1).replace("alpha", "\\u0061lpha", 1)),
        ("not_canonical", keys.body(1) + " "),
        ("batch_id", changed(number=2)),
        ("batch_id", changed(number=100, batch_id="2026-11-20T1700Z.100")),
        ("batch_id", changed(batch_id="other.1")),
        ("items", changed(items=[], totals=[])),
        ("items", keys.body(1, items=1_001)),
        ("transaction_twice", changed(items=item() + item())),
        ("amount", changed(items=item(amount=0, received=0))),
        ("amount", changed(items=item(amount=-100, received=-110))),
        ("amount", changed(items=item(amount=10**38, received=11 * 10**37))),
        ("destination_amount", changed(items=item(received=109))),
        ("destination_amount", changed(items=item(destination="EUR", received=110))),
        ("rate_missing", changed(items=item(destination="JPY"))),
        ("rates", changed(rates=[EUR_USD, EUR_USD])),
        ("rates", changed(rates=[["GBP", "USD", 5, 4], EUR_USD])),
        ("rates", changed(rates=[["EUR", "USD", 0, 10]])),
        ("rates", changed(rates=[["EUR", "USD", 11, -10]])),
        ("totals", changed(totals=[])),
        ("totals", changed(totals=[["EUR", 200, 0], ["USD", 0, 221]])),
    ],
)
def test_a_wrong_body_is_refused_with_its_reason(fault: str, body: str) -> None:
    assert RULES.check(body).fault == fault


def test_a_right_body_tells_what_it_holds() -> None:
    checked = RULES.check(keys.body(7, items=1_000))
    assert checked.fault == ""
    assert checked.batch_id == "2026-11-20T1700Z.7"
    assert checked.at_us == 1_000_007
    assert len(checked.transaction_ids) == 1_000


@given(st.recursive(st.one_of(st.integers(), st.text(), st.none()), st.lists), st.data())
def test_whatever_stands_in_a_body_there_is_a_verdict_and_an_entry(told: Any, data: Any) -> None:
    place = data.draw(st.integers(0, 10))
    parts = json.loads(keys.body(1))
    parts[place] = told
    body = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    checked = RULES.check(body)
    chain = Chain(Epochs([keys.committee(4)]))
    assert chain.entry_for(checked, "member-1").encode()


currencies = st.sampled_from(["EUR", "USD", "GBP", "JPY"])
rates = st.dictionaries(
    st.tuples(currencies, currencies),
    st.tuples(st.integers(1, 10**9), st.integers(1, 10**9)),
    min_size=1,
)


def slow_amount(
    amount: int, base: str, quote: str, rates: dict[tuple[str, str], tuple[int, int]]
) -> int | None:
    """Return what an amount is at these rates, with fractions; None when there is no way."""

    def direct(one: str, other: str) -> Fraction | None:
        if (one, other) in rates:
            return Fraction(*rates[one, other])
        if (other, one) in rates:
            return 1 / Fraction(*rates[other, one])
        return None

    if base == quote:
        return amount
    rate = direct(base, quote)
    if rate is None:
        first, second = direct(base, "USD"), direct("USD", quote)
        if first is None or second is None:
            return None
        rate = first * second
    return floor(amount * rate)


@given(rates=rates, base=currencies, quote=currencies, amount=st.integers(1, 10**20))
def test_arrivals_agree_with_fractions(
    rates: dict[tuple[str, str], tuple[int, int]], base: str, quote: str, amount: int
) -> None:
    received = slow_amount(amount, base, quote, rates)
    body = batch_body(
        cycle_id="c",
        batch_id="c.1",
        number=1,
        of=1,
        value_date="2026-11-20",
        rate_set_id="r",
        rates=[(*pair, *rate) for pair, rate in rates.items()],
        items=[("tx", "alpha", base, amount, "beta", quote, received or 0)],
        at_us=1,
    )
    assert RULES.check(body).fault == ("rate_missing" if received is None else "")


def test_the_first_of_two_rates_of_a_pair_counts() -> None:
    told: dict[str, Any] = {
        "cycle_id": "c",
        "batch_id": "c.1",
        "number": 1,
        "of": 1,
        "value_date": "2026-11-20",
        "rate_set_id": "r",
        "items": [("tx", "alpha", "EUR", 100, "beta", "USD", 110)],
        "at_us": 1,
    }
    twice = batch_body(rates=[("EUR", "USD", 11, 10), ("EUR", "USD", 12, 10)], **told)
    assert twice == batch_body(rates=[("EUR", "USD", 11, 10)], **told)
    assert RULES.check(twice).fault == ""


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        ("", ("", "")),
        ("members", ('"member-2"', '"member-1"')),
        ("members", (keys.public_key_of("member-2", 1).hex(), "00" * 32)),
        ("members", (keys.public_key_of("member-2", 1).hex(), "zz")),
        ("malformed", ('"settle-test",1,1', '"settle-test",-1,1')),
        ("malformed", ('"settle-test",1,1', '"settle-test",1,9223372036854775808')),
    ],
)
def test_a_change_of_members_needs_proven_keys(fault: str, change: tuple[str, str]) -> None:
    body = config_body(keys.committee(4, epoch=1, generation=1), at_us=5)
    checked = RULES.check(body.replace(*change))
    assert checked.fault == fault
    assert (checked.committee is not None) == (not fault)


def test_rules_that_the_committee_has_not_agreed_on_are_unknown() -> None:
    RULES.require(1)
    with pytest.raises(RulesetUnknown):
        RULES.require(2)


def test_verdicts_are_kept_but_not_for_ever() -> None:
    rules = Rules(keys.verify)
    first = rules.check(keys.body(1))
    assert rules.check(keys.body(1)) is first
    for number in range(2, MEMO_MAX + 2):
        rules.check(keys.body(number, items=1))
    assert rules.check(keys.body(1)) is not first
    assert rules.check(keys.body(1)) == first


fields = st.lists(st.one_of(st.text(), st.binary(), st.integers(0, 2**64 - 1)), max_size=6)


@given(one=fields, other=fields)
def test_two_meanings_of_the_same_shape_never_have_one_spelling(
    one: list[Any], other: list[Any]
) -> None:
    same_shape = [type(each) for each in one] == [type(each) for each in other]
    if same_shape and one != other:
        assert canonical(*one) != canonical(*other)


@given(fields)
def test_the_reader_reads_what_was_written_and_nothing_else(told: list[Any]) -> None:
    reader = Reader(canonical(*told))
    for field in told:
        read = {str: reader.text, bytes: reader.raw, int: reader.number}[type(field)]
        assert read() == field
    reader.end()
    if told:
        with pytest.raises(EncodingError):
            Reader(canonical(*told)).end()
