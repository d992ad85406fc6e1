"""Which payments fit under which limits?"""

from __future__ import annotations

import pytest

from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.risk import (
    Change,
    ExposureReleased,
    ExposureReserved,
    LimitSet,
    QuoteCaps,
    Release,
    Reservation,
    Reserve,
    SetLimit,
)
from tests.rooms.risk.play import Play


def pays(
    name: str, payer: str, payee: str, amount_minor: int, currency: str = "EUR", into: str = ""
) -> Reservation:
    return Reservation(name, payer, payee, currency, amount_minor, into)


def codes(play: Play) -> list[tuple[str, str]]:
    return [(transaction_id, code) for transaction_id, code, _ in play.body["refused"]]


@pytest.mark.parametrize(
    ("limit", "field"),
    [
        (SetLimit(scope="daily", currency="EUR", amount_minor=1), "scope"),
        (SetLimit(scope="currency", currency="eur", amount_minor=1), "currency"),
        (SetLimit(scope="net_debit", currency="EUR", amount_minor=1), "participant"),
        (SetLimit(scope="net_debit", currency="EUR", participant="a:b"), "participant"),
        (SetLimit(scope="currency", currency="EUR", participant="A"), "participant"),
        (SetLimit(scope="bilateral", currency="EUR", participant="A"), "counterparty"),
        (
            SetLimit(scope="bilateral", currency="EUR", participant="A", counterparty="A"),
            "counterparty",
        ),
        (
            SetLimit(scope="net_debit", currency="EUR", participant="A", counterparty="B"),
            "counterparty",
        ),
        (SetLimit(scope="currency", currency="EUR", amount_minor=-1), "amount_minor"),
        (
            SetLimit(scope="currency", currency="EUR", amount_minor=AMOUNT_MINOR_MAX + 1),
            "amount_minor",
        ),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(limit: SetLimit, field: str) -> None:
    no = Play().refused(limit)
    assert (no.code, no.facts["field"]) == ("risk.bad_limit", field)


def test_a_limit_set_twice_is_one_event() -> None:
    play = Play()
    limit = SetLimit(scope="currency", currency="EUR", amount_minor=500)
    assert play.when(limit) == [LimitSet("currency", "EUR", "", "", 500, "operator")]
    assert play.when(limit) == []
    assert play.body["exists"]


def test_taking_away_a_limit_that_is_not_set_changes_nothing() -> None:
    assert Play().when(SetLimit(scope="currency", currency="EUR")) == []


def test_a_payment_above_the_limit_for_one_is_refused_and_the_next_is_taken() -> None:
    play = Play()
    play.when(SetLimit(scope="single", currency="EUR", amount_minor=100))
    play.when(SetLimit(scope="single", currency="EUR", participant="A", amount_minor=50))
    events = play.when(
        Reserve(
            items=[
                pays("1", "A", "B", 51),
                pays("2", "B", "A", 101),
                pays("3", "B", "A", 100),
                pays("4", "A", "B", 50),
                pays("5", "A", "B", 999, "USD"),
            ]
        )
    )
    assert codes(play) == [("1", "risk.single_limit"), ("2", "risk.single_limit")]
    (reserved,) = events
    assert isinstance(reserved, ExposureReserved)
    assert reserved.changes == [
        Change("B", "A", "EUR", 100, 1, 100),
        Change("A", "B", "EUR", 50, 1, 50),
        Change("A", "B", "USD", 999, 1, 999),
    ]


def test_what_is_owed_to_a_participant_makes_room_under_its_net_debit_cap() -> None:
    play = Play()
    play.when(SetLimit(scope="net_debit", currency="EUR", participant="A", amount_minor=100))
    play.when(
        Reserve(items=[pays("1", "A", "B", 100), pays("2", "A", "B", 1), pays("3", "B", "A", 30)])
    )
    assert codes(play) == [("2", "risk.net_debit_cap")]
    play.when(Reserve(items=[pays("4", "A", "C", 31), pays("5", "A", "C", 30)]))
    assert play.body["refused"] == [
        [
            "4",
            "risk.net_debit_cap",
            {
                "participant": "A",
                "counterparty": "C",
                "currency": "EUR",
                "amount_minor": 31,
                "limit_minor": 100,
                "used_minor": 70,
            },
        ]
    ]


def test_what_arrives_in_another_currency_offsets_nothing() -> None:
    play = Play()
    play.when(SetLimit(scope="net_debit", currency="EUR", participant="A", amount_minor=100))
    play.when(
        SetLimit(
            scope="bilateral", currency="USD", participant="A", counterparty="B", amount_minor=5
        )
    )
    play.when(Reserve(items=[pays("1", "B", "A", 1_000, "EUR", "USD")]))
    play.when(Reserve(items=[pays("2", "A", "B", 101), pays("3", "A", "B", 6, "USD", "EUR")]))
    assert codes(play) == [("2", "risk.net_debit_cap"), ("3", "risk.bilateral_limit")]


def test_the_limit_between_two_looks_at_these_two_only() -> None:
    play = Play()
    play.when(
        SetLimit(
            scope="bilateral", currency="EUR", participant="A", counterparty="B", amount_minor=10
        )
    )
    play.when(
        Reserve(
            items=[
                pays("1", "A", "B", 11),
                pays("2", "A", "C", 11),
                pays("3", "B", "A", 1),
                pays("4", "A", "B", 11),
                pays("5", "B", "A", 500),
            ]
        )
    )
    assert codes(play) == [("1", "risk.bilateral_limit")]


def test_the_limit_of_a_currency_counts_both_directions() -> None:
    play = Play()
    play.when(SetLimit(scope="currency", currency="EUR", amount_minor=10))
    play.when(Reserve(items=[pays("1", "A", "B", 6), pays("2", "B", "A", 5)]))
    assert codes(play) == [("2", "risk.currency_limit")]


def test_a_limit_below_what_is_used_stops_everything_until_use_has_fallen() -> None:
    play = Play()
    open_payment = pays("1", "A", "B", 90)
    play.when(Reserve(items=[open_payment]))
    play.when(SetLimit(scope="net_debit", currency="EUR", participant="A", amount_minor=50))
    assert play.when(Reserve(items=[pays("2", "A", "B", 1)])) == []
    assert codes(play) == [("2", "risk.net_debit_cap")]
    play.when(Release(items=[open_payment]))
    play.when(Reserve(items=[pays("3", "A", "B", 50)]))
    assert codes(play) == []


def test_a_release_takes_away_exactly_what_was_reserved() -> None:
    play = Play()
    items = [pays("1", "A", "B", 90), pays("2", "A", "B", 5, "EUR", "USD")]
    play.when(Reserve(items=items))
    (event,) = play.when(Release(items=items))
    assert event == ExposureReleased([Change("A", "B", "EUR", -95, -2, -90)])
    assert play.state.open == {}
    play.check_memory()


@pytest.mark.parametrize(
    "wrong",
    [
        pays("1", "A", "B", 91),
        pays("1", "A", "C", 90),
        pays("1", "A", "B", 89),
        pays("1", "A", "B", 90, "EUR", "USD"),
    ],
)
def test_a_release_of_what_is_not_open_is_a_bug(wrong: Reservation) -> None:
    play = Play()
    play.when(Reserve(items=[pays("1", "A", "B", 90)]))
    with pytest.raises(AssertionError, match="released"):
        play.when(Release(items=[wrong]))


def test_an_empty_command_is_no_event() -> None:
    play = Play()
    assert play.when(Reserve(items=[])) == []
    assert play.when(Release(items=[])) == []


def test_caps_are_quoted_for_those_who_are_asked_about_in_order() -> None:
    play = Play()
    for participant in "CBA":
        play.when(
            SetLimit(scope="net_debit", currency="EUR", participant=participant, amount_minor=1)
        )
    play.when(
        SetLimit(
            scope="bilateral", currency="EUR", participant="B", counterparty="C", amount_minor=2
        )
    )
    play.when(
        SetLimit(
            scope="bilateral", currency="EUR", participant="B", counterparty="A", amount_minor=3
        )
    )
    play.when(SetLimit(scope="platform", currency="EUR", amount_minor=4))
    play.when(SetLimit(scope="platform", currency="USD", amount_minor=5))
    assert play.when(QuoteCaps(participants=["B", "A"], currencies=["EUR"])) == []
    assert play.body == {
        "net_debit": [["A", "EUR", 1], ["B", "EUR", 1]],
        "bilateral": [["B", "A", "EUR", 3]],
        "platform": [["EUR", 4]],
    }
