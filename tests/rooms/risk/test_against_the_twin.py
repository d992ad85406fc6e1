"""Does the room say what a plain list of payments says?"""

from __future__ import annotations

from itertools import count
from typing import Any

from hypothesis import given, strategies as st

from nostro.risk import Release, Reservation, Reserve, SetLimit, SetThreshold
from nostro.risk.state import USED_SCOPES, Scope
from tests.rooms.risk.play import Play, Twin

banks = st.sampled_from("ABC")
currencies = st.sampled_from(["EUR", "USD"])
payments = st.tuples(
    banks, banks, currencies, st.integers(1, 40), st.sampled_from(["", "EUR", "USD"])
)
limits = st.tuples(
    st.sampled_from(["single", "bilateral", "net_debit", "currency"]),
    banks,
    banks,
    currencies,
    st.none() | st.integers(0, 90),
)
steps = st.one_of(
    st.tuples(st.just("reserve"), st.lists(payments, max_size=8)),
    st.tuples(st.just("release"), st.integers(0, 10)),
    st.tuples(st.just("limit"), limits),
    st.tuples(
        st.just("threshold"),
        st.tuples(st.sampled_from(USED_SCOPES), st.none() | st.integers(1, 1_000_000)),
    ),
)


@given(st.lists(steps, max_size=25))
def test_the_room_refuses_what_its_twin_refuses_and_alerts_on_what_is_above(
    course: list[Any],
) -> None:
    play, twin, numbers = Play(), Twin(), count()
    for kind, told in course:
        if kind == "reserve":
            items = [
                Reservation(str(next(numbers)), payer, payee, currency, amount_minor, into)
                for payer, payee, currency, amount_minor, into in told
            ]
            expected = twin.reserve(items)
            play.when(Reserve(items=items))
            assert [(each, code) for each, code, _ in play.body["refused"]] == expected
        elif kind == "release":
            items = twin.open[told : told + 3]
            twin.release(list(items))
            play.when(Release(items=items))
        elif kind == "limit":
            _set_limit(play, twin, *told)
        else:
            play.when(SetThreshold(scope=told[0], used_ppm=told[1]))
        _compare(play, twin)
    play.check_memory()


def _set_limit(
    play: Play, twin: Twin, scope: str, first: str, second: str, currency: str, amount: int | None
) -> None:
    if scope == "bilateral" and first == second:
        return
    participant = "" if scope == "currency" else first
    counterparty = second if scope == "bilateral" else ""
    play.when(
        SetLimit(
            scope=scope,
            currency=currency,
            participant=participant,
            counterparty=counterparty,
            amount_minor=amount,
        )
    )
    twin.limits.pop((scope, participant, counterparty, currency), None)
    if amount is not None:
        twin.limits[scope, participant, counterparty, currency] = amount


def _compare(play: Play, twin: Twin) -> None:
    state = play.state
    for bank in "ABC":
        for currency in ("EUR", "USD"):
            assert state.owed.get((bank, currency), 0) == twin.owed(bank, currency)
            for other in "ABC":
                found = state.between(bank, other, currency)
                assert found == twin.between(bank, other, currency)
    above = {
        (scope, holder)
        for scope, threshold in state.thresholds.items()
        for holder, limit in state.limits[Scope(scope)].items()
        if state.used(scope, holder) > 0
        and state.used(scope, holder) * 1_000_000 >= threshold * limit
    }
    assert state.alerts == above
