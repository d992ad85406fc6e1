"""Are exposures, shares and uses of limits exact, and is what was paid and not received told?"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from nostro.risk import (
    AccountPosition,
    ExposureView,
    InstructionFlow,
    LimitView,
    LiquidityInputs,
    Reservation,
    Reserve,
    Scope,
    SettlementLeg,
    WindowFlow,
    concentrations,
    exposures,
    ladders,
    limit_uses,
)
from nostro.risk.exposures import MILLION, MINUTE_US, hhi_ppm, top_ppm
from tests.rooms.risk.play import Play


def open_row(
    payer: str, payee: str, minor: int, *, currency: str = "EUR", offset: int | None = None
) -> ExposureView:
    """Return open payments; what is not said otherwise arrives in the same currency."""
    return ExposureView(
        payer=payer,
        payee=payee,
        currency=currency,
        open_minor=minor,
        open_count=1,
        offset_minor=minor if offset is None else offset,
        height=1,
    )


def limit_row(
    scope: str, amount: int, participant: str = "", counterparty: str = "", currency: str = "EUR"
) -> LimitView:
    return LimitView(
        scope=scope,
        participant=participant,
        counterparty=counterparty,
        currency=currency,
        amount_minor=amount,
        actor="ops",
        set_at_us=1,
        height=1,
    )


TRIANGLE = [open_row("a", "b", 100), open_row("b", "c", 100), open_row("c", "a", 70)]


# -- exposures -------------------------------------------------------------------------------------


def test_nothing_open_is_no_exposure() -> None:
    assert exposures([]) == []
    assert concentrations([]) == []


def test_a_chain_is_gross_between_two_and_net_over_all() -> None:
    told = {each.participant: each for each in exposures(TRIANGLE)}
    assert [told[each].owes_minor for each in "abc"] == [100, 100, 70]
    assert [told[each].net_minor for each in "abc"] == [30, 0, -30]
    assert [told[each].bilateral_net_minor for each in "abc"] == [100, 100, 70]
    (sums,) = concentrations(told.values())
    assert (sums.gross_minor, sums.bilateral_net_minor, sums.multilateral_net_minor) == (
        270,
        270,
        30,
    )


def test_what_arrives_in_another_currency_sets_nothing_off() -> None:
    rows = [open_row("a", "b", 100), open_row("b", "a", 80, offset=30)]
    told = {each.participant: each for each in exposures(rows)}
    assert (told["a"].owed_minor, told["a"].net_minor) == (30, 70)
    assert (told["b"].owes_minor, told["b"].net_minor) == (80, -20)
    assert [each.net_minor for each in told["a"].counterparties] == [70]


@pytest.mark.parametrize(
    ("amounts", "hhi", "top"),
    [
        ([], 0, 0),
        ([0, 0], 0, 0),
        ([7], MILLION, MILLION),
        ([1] * 10, 100_000, 500_000),
        ([2, 1, 1], 375_000, MILLION),
        ([10**37, 10**37], 500_000, MILLION),
    ],
)
def test_concentration_is_counted_in_millionths(amounts: list[int], hhi: int, top: int) -> None:
    assert (hhi_ppm(amounts), top_ppm(amounts)) == (hhi, top)


@given(st.lists(st.integers(0, 10**38 - 1), max_size=12))
def test_concentration_is_exact_for_any_amounts(amounts: list[int]) -> None:
    total = sum(amounts)
    shares = [Fraction(each, total) for each in amounts] if total else []
    assert hhi_ppm(amounts) == int(sum((share**2 for share in shares), Fraction()) * MILLION)
    assert top_ppm(amounts) == int(sum(sorted(shares)[-5:], Fraction()) * MILLION)


NAMES = st.sampled_from("abcd")
LANES = st.lists(
    st.tuples(NAMES, NAMES, st.sampled_from(["EUR", "USD"]), st.integers(1, 10**9), st.booleans())
    .filter(lambda lane: lane[0] != lane[1])
    .map(
        lambda lane: Reservation(
            "t", lane[0], lane[1], lane[2], lane[3], lane[2] if lane[4] else "JPY"
        )
    ),
    max_size=30,
)


def rows_of(items: Sequence[Reservation]) -> list[ExposureView]:
    """Return the rows that the views would hold of these payments."""
    play = Play()
    if items:
        play.when(Reserve(items=list(items)))
    return [
        ExposureView(
            payer=payer,
            payee=payee,
            currency=currency,
            open_minor=minor,
            open_count=count,
            offset_minor=offset,
            height=1,
        )
        for (payer, payee, currency), (minor, count, offset) in play.state.open.items()
    ]


@given(LANES)
def test_the_views_tell_the_use_that_the_room_holds_limits_against(
    items: list[Reservation],
) -> None:
    play = Play()
    if items:
        play.when(Reserve(items=items))
    limits = [
        *(limit_row("net_debit", 9, each) for each in "abcd"),
        *(limit_row("bilateral", 9, one, other) for one in "abcd" for other in "abcd"),
        limit_row("currency", 9),
        limit_row("single", 9),
        limit_row("platform", 9),
    ]
    for use in limit_uses(limits, rows_of(items)):
        scope = Scope(use.limit.scope)
        holder = (use.limit.participant, use.limit.counterparty, use.limit.currency)
        if scope in (Scope.SINGLE, Scope.PLATFORM):
            assert (use.used_minor, use.used_ppm) == (None, None)
        else:
            assert use.used_minor == play.state.used(scope, holder)


@given(LANES)
def test_net_is_never_more_than_gross_and_sums_to_what_sets_nothing_off(
    items: list[Reservation],
) -> None:
    found = exposures(rows_of(items))
    for sums in concentrations(found):
        assert sums.multilateral_net_minor <= sums.bilateral_net_minor <= sums.gross_minor
        lost = sum(
            each.amount_minor
            for each in items
            if each.currency == sums.currency != each.destination_currency
        )
        nets = sum(each.net_minor for each in found if each.currency == sums.currency)
        assert nets == lost


def test_use_is_told_as_a_share_unless_the_limit_is_zero_or_nothing_is_owed() -> None:
    limits = [
        limit_row("net_debit", 120, "a"),
        limit_row("net_debit", 120, "c"),
        limit_row("bilateral", 0, "a", "b"),
        limit_row("currency", 300),
    ]
    told = [(use.used_minor, use.used_ppm) for use in limit_uses(limits, TRIANGLE)]
    assert told == [(30, 250_000), (-30, 0), (100, None), (270, 900_000)]


# -- paid and not received -------------------------------------------------------------------------


def leg(
    direction: str,
    currency: str,
    state: str,
    *,
    minor: int = 90,
    at_minutes: int = 0,
    settlement_state: str = "secured",
    paid: str = "",
    participant: str = "a",
) -> SettlementLeg:
    """Return an instruction; `at_minutes`: since when it is in its state, or secured."""
    return SettlementLeg(
        settlement_id="s",
        settlement_state=settlement_state,
        secured_at_us=at_minutes * MINUTE_US if settlement_state == "secured" else None,
        participant_id=participant,
        currency=currency,
        direction=direction,
        state=state,
        changed_at_us=at_minutes * MINUTE_US,
        amount_minor=minor,
        paid_currency=paid,
    )


PAID = leg("in", "USD", "settled", minor=100)


@pytest.mark.parametrize(
    ("legs", "awaited"),
    [
        pytest.param([PAID, leg("out", "EUR", "sent")], 90, id="paid, and on its way"),
        pytest.param([PAID, leg("out", "EUR", "settled")], 0, id="received"),
        pytest.param([leg("out", "EUR", "sent")], 0, id="owed without having paid"),
        pytest.param([PAID, leg("out", "USD", "sent")], 0, id="of the currency that was paid"),
        pytest.param(
            [
                leg("in", "USD", "waiting", settlement_state="initiated"),
                leg("out", "EUR", "planned", settlement_state="initiated"),
            ],
            0,
            id="not paid yet",
        ),
        pytest.param(
            [
                leg("in", "USD", "sent", settlement_state="initiated"),
                leg("out", "EUR", "planned", settlement_state="initiated"),
            ],
            90,
            id="paid beyond recall before finality",
        ),
        pytest.param([leg("out", "EUR", "sent", paid="USD")], 90, id="gross, final"),
        pytest.param([leg("out", "EUR", "sent", paid="EUR")], 0, id="gross, in one currency"),
        pytest.param(
            [leg("out", "EUR", "planned", paid="USD", settlement_state="initiated")],
            0,
            id="gross, not final",
        ),
        pytest.param(
            [
                leg("in", "USD", "settled", settlement_state="failed"),
                leg("out", "EUR", "planned", settlement_state="failed"),
            ],
            0,
            id="what was paid goes back",
        ),
        pytest.param([PAID, leg("out", "EUR", "sent", participant="b")], 0, id="another's"),
    ],
)
def test_what_was_paid_and_not_received_is_awaited(legs: list[SettlementLeg], awaited: int) -> None:
    told = exposures([], legs, at_us=0)
    assert sum(each.herstatt.total_minor for each in told) == awaited


def test_what_is_awaited_is_told_by_phase_and_by_time() -> None:
    legs = [
        PAID,
        leg("out", "EUR", "sent", minor=1),
        leg("out", "EUR", "waiting", minor=2),
        leg("out", "EUR", "asked", minor=4),
        leg("out", "EUR", "failed", minor=8),
        leg("out", "EUR", "sent", minor=16, paid="JPY", at_minutes=50),
        leg("out", "EUR", "sent", minor=32, paid="JPY", at_minutes=300),
    ]
    (told,) = exposures([], legs, at_us=60 * MINUTE_US)
    herstatt = told.herstatt
    assert (herstatt.irrevocable_minor, herstatt.uncertain_minor, herstatt.failed_minor) == (
        51,
        4,
        8,
    )
    assert [
        (each.from_minutes, each.to_minutes, each.amount_minor) for each in herstatt.buckets
    ] == [
        (0, 15, 48),
        (15, 60, 0),
        (60, 240, 15),
        (240, 1_440, 0),
        (1_440, None, 0),
    ]


# -- liquidity -------------------------------------------------------------------------------------


def account(
    kind: str, holder: str, minor: int, *, currency: str = "EUR", line: int = 0
) -> AccountPosition:
    return AccountPosition(
        kind=kind,
        holder=holder,
        currency="EUR",
        scale=2,
        posted_minor=minor,
        pending_out_minor=5 if kind == "vostro" else 0,
        pending_in_minor=0,
        credit_line_minor=line,
    )


def waiting(
    payer: str,
    payee: str,
    minor: int,
    *,
    source: str = "EUR",
    destination: str = "EUR",
    at: int = 9,
) -> WindowFlow:
    return WindowFlow(
        cycle_id=f"c{at}",
        cut_off_at_us=at,
        payer=payer,
        payee=payee,
        source_currency=source,
        destination_currency=destination,
        amount_minor=minor,
        count=2,
    )


ACCOUNTS = [
    account("nostro", "rtgs", 1_000),
    account("nostro", "instant", 50),
    account("vostro", "a", 60, line=500),
    account("vostro", "b", -20, line=100),
    account("fx", "", 7),
    account("transit", "", 3),
    account("claims", "", 4),
]


def inputs(*windows: WindowFlow, moving: Sequence[InstructionFlow] = ()) -> LiquidityInputs:
    return LiquidityInputs(
        accounts=ACCOUNTS, windows=list(windows), instructions=list(moving), height=1
    )


def test_a_ladder_begins_with_what_is_there() -> None:
    (ladder,) = ladders(inputs())
    assert (ladder.position_minor, ladder.fx_minor, ladder.transit_minor) == (1_050, 7, 3)
    assert ladder.claims_minor == 4
    assert [each.rail for each in ladder.at_rails] == ["instant", "rtgs"]
    vostros = ladder.vostros
    assert (vostros.posted_minor, vostros.overdrawn_minor, vostros.credit_lines_minor) == (
        60,
        20,
        600,
    )
    assert ladder.windows == []


def test_payments_within_a_currency_net_and_leave_our_money_as_it_is() -> None:
    (ladder,) = ladders(inputs(waiting("a", "b", 100), waiting("b", "a", 30)))
    (window,) = ladder.windows
    assert (window.pay_in_gross_minor, window.pay_out_gross_minor) == (130, 130)
    assert (window.pay_in_net_low_minor, window.pay_in_net_high_minor) == (70, 70)
    assert (window.pay_out_net_low_minor, window.pay_out_net_high_minor) == (70, 70)
    assert window.prefunded_minor == 60
    assert (window.projected_low_minor, window.projected_high_minor) == (1_050, 1_050)


def test_what_no_rate_is_known_for_opens_the_bounds_that_it_could_break() -> None:
    flows = (waiting("a", "b", 100), waiting("c", "a", 500, source="USD"))
    (ladder,) = ladders(inputs(*flows))
    (window,) = ladder.windows
    assert (window.count, window.unpriced_count) == (4, 2)
    assert (window.pay_in_net_low_minor, window.pay_in_net_high_minor) == (0, 100)
    assert (window.pay_out_gross_minor, window.pay_out_net_high_minor) == (None, None)
    assert (window.projected_low_minor, window.projected_high_minor) == (None, 1_050)


def test_with_a_rate_both_bounds_are_the_estimate() -> None:
    flows = (waiting("a", "b", 100), waiting("c", "a", 500, source="USD"))
    (ladder,) = ladders(inputs(*flows), convert=lambda minor, source, destination: minor // 10)
    (window,) = ladder.windows
    assert (window.pay_in_net_low_minor, window.pay_in_net_high_minor) == (50, 50)
    assert (window.projected_low_minor, window.projected_high_minor) == (1_000, 1_000)


def test_windows_follow_one_another_after_what_is_under_way() -> None:
    moving = [
        InstructionFlow(
            settlement_id="s",
            participant_id="a",
            currency="EUR",
            direction=direction,
            amount_minor=minor,
            count=1,
        )
        for direction, minor in (("in", 40), ("out", 10))
    ]
    flows = (
        waiting("a", "b", 100, destination="USD", at=20),
        waiting("b", "a", 7, destination="USD", at=10),
    )
    (ladder,) = ladders(inputs(*flows, moving=moving))
    assert [(each.cycle_id, each.projected_high_minor) for each in ladder.windows] == [
        ("c10", 1_087),
        ("c20", 1_187),
    ]
