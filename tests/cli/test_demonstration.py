"""Are the demo's own means sound: its bookkeeping, its rates, its judgement of answers?"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, Inexact
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from nostro.cli.demonstration.door import Answer, Order, Tally
from nostro.cli.demonstration.ownbooks import Normal, OwnBooks
from nostro.cli.demonstration.rates import ReferenceRates, newest_rates
from nostro.cli.demonstration.stage import prepared
from nostro.cli.exits import Exit, Failure

RATES = ReferenceRates(date(2026, 1, 30), {"EUR": Decimal(1), "USD": Decimal("1.25")})


def books() -> OwnBooks:
    kept = OwnBooks()
    kept.open("ours", "ETH", Normal.DEBIT)
    kept.open("theirs", "ETH")
    return kept


def test_an_amount_is_counted_on_both_sides_to_the_last_of_its_eighteen_decimals() -> None:
    kept = books()
    kept.move(debit="ours", credit="theirs", amount=Decimal("123456789012.000000000000000001"))
    assert kept.accounts["ours"].posted == Decimal("123456789012.000000000000000001")
    assert kept.accounts["theirs"].posted == kept.accounts["ours"].posted
    [(asset, debits, credits)] = kept.by_asset()
    assert (asset, debits) == ("ETH", credits)


def test_what_would_have_to_be_rounded_is_an_error() -> None:
    kept = books()
    kept.move(debit="ours", credit="theirs", amount=Decimal(10) ** 50)
    with pytest.raises(Inexact):
        kept.move(debit="ours", credit="theirs", amount=Decimal("1e-18"))


def test_a_hold_posted_in_part_moves_that_part_and_releases_the_rest() -> None:
    kept = books()
    kept.hold("h", debit="theirs", credit="ours", amount=Decimal(80))
    assert kept.accounts["theirs"].debits_held == 80
    kept.post("h", Decimal("62.4"))
    theirs = kept.accounts["theirs"]
    assert (theirs.debits, theirs.debits_held) == (Decimal("62.4"), Decimal(0))
    assert kept.open_holds == 0


def test_a_void_hold_leaves_nothing() -> None:
    kept = books()
    kept.hold("h", debit="theirs", credit="ours", amount=Decimal(80))
    kept.void("h")
    assert [account.debits_held + account.debits for account in kept.accounts.values()] == [0, 0]


@pytest.mark.parametrize(("euro", "dollar"), [("0.10", "0.12"), ("0.30", "0.38"), ("0.11", "0.14")])
def test_a_conversion_is_rounded_half_to_even(euro: str, dollar: str) -> None:
    converted = RATES.convert(Decimal(euro), "EUR", "USD", decimals=2)
    assert str(converted) == dollar


@given(cents=st.integers(min_value=1, max_value=10**12))
def test_a_conversion_is_off_by_half_a_smallest_unit_at_most(cents: int) -> None:
    amount = Decimal(cents).scaleb(-2)
    converted = RATES.convert(amount, "USD", "EUR", decimals=2)
    assert abs(RATES.in_euro(amount, "USD") - RATES.in_euro(converted, "EUR")) * 200 <= 1


def test_the_rates_are_the_digits_that_the_central_bank_published() -> None:
    rates = newest_rates(("EUR", "USD", "JPY"))
    assert rates.per_euro["EUR"] == 1
    for currency in ("USD", "JPY"):
        digits = rates.per_euro[currency].as_tuple().digits
        assert 3 <= len(digits) <= 6, "a binary fraction would have many more"


def test_a_replay_is_the_first_answer_marked_as_one_whatever_the_request_is_called() -> None:
    first = Answer(409, False, {"code": "wallets.x", "height": 7, "request_id": "a-1"})
    assert Answer(409, True, {"code": "wallets.x", "height": 7, "request_id": "b-9"}).repeats(first)
    assert not Answer(409, False, first.body).repeats(first)
    assert not Answer(409, True, {**first.body, "height": 8}).repeats(first)
    assert not Answer(200, True, first.body).repeats(first)


def test_an_order_that_is_sent_again_counts_as_one_command() -> None:
    tally = Tally()
    order = Order("/wallet/deposit", {"user_id": "alice"})
    tally.note(order, Answer(201, False, {"height": 3}))
    tally.note(order, Answer(201, True, {"height": 3}))
    tally.note(Order(order.path, {"user_id": "bob"}), Answer(422, False, {"code": "no"}))
    assert (tally.commands, tally.rejected, tally.replayed, tally.height) == (2, 1, 1, 3)


def test_a_directory_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ledger").touch()
    with pytest.raises(Failure) as refused, prepared(tmp_path, keep=False):
        pass
    assert refused.value.status is Exit.USAGE
    assert [each.name for each in tmp_path.iterdir()] == ["ledger"]


@pytest.mark.parametrize("keep", [True, False])
def test_a_temporary_directory_stays_only_if_it_is_to_be_kept(
    keep: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with prepared(None, keep=keep) as stage:
        stage.data_dir.mkdir()
    assert stage.data_dir.exists() is keep
