"""Which banks take part, with which currencies, and what when one is suspended?"""

from __future__ import annotations

from typing import Any

import pytest

from nostro.payments import (
    FundParticipant,
    OpenParticipant,
    ParticipantFunded,
    ParticipantOpened,
    ParticipantResumed,
    ParticipantSuspended,
    PaymentsFailed,
    ResumeParticipant,
    SuspendParticipant,
    Window,
)
from tests.rooms.payments.play import Play, pay, submit


def bank(**given: Any) -> OpenParticipant:
    said: dict[str, Any] = {
        "participant_id": "NORD",
        "name": "Nord Bank",
        "bic": "NDEAFIHH",
        "currencies": ["EUR", "USD"],
        "credit_lines_minor": {"EUR": 500},
    }
    return OpenParticipant(**{**said, **given})


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("payments.bad_id", {"participant_id": "A:B"}),
        ("payments.bad_id", {"participant_id": "x" * 49}),
        ("payments.bad_participant", {"name": ""}),
        ("payments.bad_participant", {"name": "two\nlines"}),
        ("payments.bad_participant", {"bic": "x" * 12}),
        ("payments.bad_participant", {"country": "FIN"}),
        ("payments.bad_participant", {"currencies": []}),
        ("payments.bad_participant", {"credit_lines_minor": {"GBP": 1}}),
        ("payments.bad_participant", {"credit_lines_minor": {"EUR": -1}}),
        ("asset.unknown", {"currencies": ["EUR", "XXZ"]}),
    ],
)
def test_a_bank_that_is_badly_described_is_not_admitted(code: str, given: dict[str, Any]) -> None:
    assert Play().refused(bank(**given)).code == code


def test_a_bank_is_admitted_once_and_its_currencies_can_be_extended() -> None:
    play = Play()
    [opened] = play.when(bank(currencies=["EUR", "USD", "EUR"]))
    assert opened == ParticipantOpened(
        "NORD", "Nord Bank", "NDEAFIHH", "", "", ["EUR", "USD"], {"EUR": 500}
    )
    assert play.when(bank()) == []
    assert play.body["exists"]
    assert play.when(bank(currencies=["EUR"])) == []
    [more] = play.when(bank(currencies=["EUR", "GBP"], credit_lines_minor={"EUR": 500, "GBP": 7}))
    assert isinstance(more, ParticipantOpened)
    assert (more.currencies, more.credit_lines_minor) == (["GBP"], {"GBP": 7})
    play.check_memory()


def test_a_bank_that_is_described_otherwise_is_refused() -> None:
    play = Play()
    play.when(bank())
    for given, field in (
        ({"name": "South Bank"}, "name"),
        ({"lei": "1"}, "lei"),
        ({"credit_lines_minor": {"EUR": 501}}, "credit_lines_minor"),
        ({"credit_lines_minor": {}}, "credit_lines_minor"),
    ):
        no = play.refused(bank(**given))
        assert (no.code, no.facts["differs"]) == ("payments.participant_exists", [field])


def test_suspending_fails_what_waits_and_leaves_what_is_being_netted() -> None:
    play = Play().opened()
    play.when(
        submit(
            pay("gone"),
            pay("t1", window=Window.T1),
            pay("held", hits=["hit"]),
            pay("other", counterparty_id="GAMA"),
        )
    )
    play.when(submit(pay("netted", window=Window.RTGS)))
    assert len(play.until("10:00:01")) == 1
    suspended, *failed = play.when(SuspendParticipant(participant_id="BETA", reason="licence"))
    assert suspended == ParticipantSuspended("BETA", "licence")
    items = [item for event in failed if isinstance(event, PaymentsFailed) for item in event.items]
    assert sorted(item.transaction_id for item in items) == ["gone", "held", "t1"]
    assert {item.reason for item in items} == {"payments.participant_suspended"}
    assert sorted(play.state.payments) == ["netted", "other"]
    assert play.when(SuspendParticipant(participant_id="BETA")) == []
    play.check_memory()


def test_a_resumed_bank_pays_again_and_keeps_currencies_added_meanwhile() -> None:
    play = Play()
    play.when(bank())
    play.when(OpenParticipant(participant_id="ALFA", name="a", currencies=["EUR", "GBP"]))
    play.when(SuspendParticipant(participant_id="NORD"))
    play.when(bank(currencies=["EUR", "GBP"]))
    to_nord = pay(counterparty_id="NORD", destination_currency="GBP")
    assert play.refused(submit(to_nord)).code == "payments.participant_suspended"
    resumed = ResumeParticipant(participant_id="NORD")
    assert play.when(resumed) == [ParticipantResumed("NORD")]
    assert play.when(resumed) == []
    assert play.when(submit(to_nord))
    play.check_memory()


def test_nobody_unknown_is_suspended_resumed_or_funded() -> None:
    play = Play()
    for command in (
        SuspendParticipant(participant_id="NORD"),
        ResumeParticipant(participant_id="NORD"),
        FundParticipant(participant_id="NORD", currency="EUR", amount_minor=1, reference="r"),
    ):
        assert play.refused(command).code == "payments.participant_unknown"


@pytest.mark.parametrize("hot_max", [1_000, 0])
def test_a_funding_reference_counts_once(hot_max: int) -> None:
    play = Play(hot_max=hot_max)
    play.when(bank())
    said: dict[str, Any] = {"participant_id": "NORD", "currency": "EUR", "amount_minor": 5}
    [event] = play.when(FundParticipant(**said, reference="wire-1"))
    assert event == ParticipantFunded("NORD", "EUR", 5, "wire-1")
    play.settle()
    assert play.when(FundParticipant(**said, reference="wire-2"))
    no = play.refused(FundParticipant(**{**said, "amount_minor": 6}, reference="wire-1"))
    assert no.code == "payments.funding_exists"
    for given, code in (
        ({"currency": "GBP"}, "payments.currency_not_held"),
        ({"amount_minor": 0}, "payments.amount_not_positive"),
        ({"amount_minor": 10**38}, "payments.amount_too_large"),
        ({"reference": "a b"}, "payments.bad_reference"),
    ):
        funding = FundParticipant(**{**said, "reference": "wire-3", **given})
        assert play.refused(funding).code == code
    play.check_memory()
