"""Which story does a settlement tell: its rounds, at the ledgers that hold the legs?

What a round asks of another domain leaves as an effect. What it asks of our own ledger is done in
the same journal row: legs that lie there as a whole are posted at once; of a round that spans
domains our part is kept by custody, as at any other domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.custody import (
    Booked,
    ExecuteHolds,
    HoldsExecuted,
    HoldsPlaced,
    HoldsRefused,
    HoldsReleased,
    NewHold,
    PlaceHolds,
    ReleaseHolds,
    RoundOrder,
    RoundsClosed,
    RoundsStuck,
)
from nostro.flows import books, legs
from nostro.flows.wallet_credits import credited
from nostro.kernel.messages import Rejection
from nostro.kernel.reply import Reply
from nostro.kernel.room import Amend, Order, Perform, Step
from nostro.ledger import AccountType, CreateTransfersTogether, NewAccount, NewTransfer
from nostro.settlement import (
    AskDomain,
    Deed,
    DeedOrder,
    DeedResult,
    DeedsOrdered,
    NoteDeeds,
    Outcome,
    RoundsSettled,
    Status,
    round_of,
)

_SETTLED, _PARTLY = Status.SETTLED.value, Status.PARTIALLY_SETTLED.value
OUR_EPOCH = 0
"""What is asked of our own ledger is asked by its only writer: nobody else can be fenced off."""


def ask(event: DeedsOrdered) -> Sequence[Step]:
    """Have a domain do what rounds ask of it."""
    if not event.local:
        effect = AskDomain(domain=event.domain, deed=event.deed, orders=event.orders)
        return [Perform(effect)]
    match event.deed:
        case Deed.POST:
            return _posted(event.domain, event.orders, alone=False)
        case Deed.HOLD:
            holds = [NewHold(o.round_id, OUR_EPOCH, o.locks, o.moves) for o in event.orders]
            return [_of_custody(event.deed, PlaceHolds(holds=holds))]
        case Deed.EXECUTE:
            return [_of_custody(event.deed, ExecuteHolds(rounds=_rounds(event.orders)))]
        case Deed.RELEASE:
            return [_of_custody(event.deed, ReleaseHolds(rounds=_rounds(event.orders)))]


def _of_custody(deed: Deed, command: PlaceHolds | ExecuteHolds | ReleaseHolds) -> Order:
    """Return the order to our own custody. What it does is told by its events, in this row; what it
    refuses at once by its reply alone."""

    def then(reply: Reply) -> Sequence[Step]:
        refused = [told for told in reply.body["results"] if told.get("code")]
        return _not_done(deed, [Booked(told["round_id"], told["code"]) for told in refused])

    return Order(command, then=then)


def _rounds(orders: Sequence[DeedOrder]) -> list[RoundOrder]:
    return [RoundOrder(order.round_id, OUR_EPOCH) for order in orders]


def told(event: RoundsSettled) -> Sequence[Step]:
    """Tell whoever instructed, released or retried what has settled in the same row."""
    now = {each.settlement: _SETTLED for round_ in event.rounds for each in round_.tranches}
    now |= {number: _PARTLY for round_ in event.rounds for number, _ in round_.open_minor}

    def stands(told: dict[str, Any]) -> dict[str, Any]:
        status = now.get(told.get("settlement", 0))
        return told if status is None else {**told, "status": status}

    def change(reply: Reply) -> Reply:
        if not isinstance(reply.body, dict):
            return reply
        body = stands(reply.body)
        if "results" in body:
            body = {**body, "results": [stands(each) for each in body["results"]]}
        return Reply(code=reply.code, facts=reply.facts, body=body)

    return [Amend(change)]


# -- all legs on our own ledger --------------------------------------------------------------------


def _posted(domain: str, orders: Sequence[DeedOrder], *, alone: bool) -> Sequence[Step]:
    """Post rounds, all of them together if the ledger lets them, else each by itself: what it
    refused under a name it never takes under that name."""

    def refused(no: Rejection) -> Sequence[Step]:
        if alone and no.code in legs.BLOCKED_CREDIT and _is_set_aside(orders[0]):
            return _past_blocked_wallets(domain, orders[0])
        if alone or (len(orders) == 1 and no.code not in legs.WORTH_ANOTHER_TRY):
            return [_noted(domain, Deed.POST, [_refusal(orders[0], no)])]
        return [step for each in orders for step in _posted(domain, [each], alone=True)]

    def done(_: object) -> Sequence[Step]:
        results = [
            DeedResult(each.bundle, each.round, Outcome.EXECUTED, reference=each.round_id)
            for each in orders
        ]
        return [_noted(domain, Deed.POST, results)]

    transfers: list[NewTransfer] = []
    for each in orders:
        transfers += legs.transfers_of(_stem(each, _ALONE if alone else _TOGETHER), each.moves)
    passed_on = [move for each in orders if legs.passes_on(each.moves) for move in each.moves]
    accounts = legs.clearing_accounts(passed_on)
    if alone:
        accounts += legs.receiving_accounts(orders[0].moves)
    post = Order(CreateTransfersTogether(transfers=transfers), otherwise=refused, then=done)
    return [*books.opening(accounts), post]


_TOGETHER, _ALONE, _SUSPENDING = 1, 2, 3
"""What one attempt tries: with others, by itself, and past wallets that take nothing."""


def _stem(order: DeedOrder, trying: int) -> str:
    return books.settle_stem(order.round_id, _SUSPENDING * (order.attempt - 1) + trying)


def _is_set_aside(order: DeedOrder) -> bool:
    return all(move.prefunded for move in order.moves)


def _past_blocked_wallets(domain: str, order: DeedOrder) -> Sequence[Step]:
    """Post what was set aside when it was traded, whatever became of a wallet since: its owner
    delivered long ago, and the other side waits. What a wallet does not take goes to suspense."""
    suspense = {move.asset: None for move in order.moves}
    accounts = [
        NewAccount(id=books.suspense_account(asset), asset=asset, type=AccountType.LIABILITY)
        for asset in suspense
    ]
    posted = DeedResult(order.bundle, order.round, Outcome.EXECUTED, reference=order.round_id)
    return [
        *books.opening(accounts),
        *credited(legs.transfers_of(_stem(order, _SUSPENDING), order.moves)),
        _noted(domain, Deed.POST, [posted]),
    ]


def _refusal(order: DeedOrder, no: Rejection) -> DeedResult:
    lacking = legs.lacking_of(no.code, no.facts, order.moves)
    code = legs.said(no.code)
    return DeedResult(order.bundle, order.round, Outcome.REFUSED, code=code, lacking=lacking)


# -- our part of rounds that span domains ----------------------------------------------------------


def held(event: HoldsPlaced) -> Sequence[Step]:
    """Tell that our ledger has earmarked its part."""
    return _done(Deed.HOLD, Outcome.HELD, event.rounds)


def not_held(event: HoldsRefused) -> Sequence[Step]:
    """Tell that our ledger would not earmark its part, and what is lacking."""
    return _not_done(Deed.HOLD, event.rounds)


def executed(event: HoldsExecuted) -> Sequence[Step]:
    """Tell that our ledger has moved its part."""
    return _done(Deed.EXECUTE, Outcome.EXECUTED, event.rounds)


def released(event: HoldsReleased) -> Sequence[Step]:
    """Tell that our ledger earmarks nothing for these rounds any more."""
    return _done(Deed.RELEASE, Outcome.RELEASED, event.rounds)


def closed(event: RoundsClosed) -> Sequence[Step]:
    """Tell that our ledger never earmarked anything for these rounds, and never will."""
    return _done(Deed.RELEASE, Outcome.RELEASED, [each.round_id for each in event.rounds])


def stuck(event: RoundsStuck) -> Sequence[Step]:
    """Tell that our ledger would not move, or let go, what it holds."""
    return _not_done(Deed.EXECUTE if event.executing else Deed.RELEASE, event.rounds)


def _done(deed: Deed, outcome: Outcome, rounds: Sequence[str]) -> Sequence[Step]:
    named = [(id, round_of(id)) for id in rounds]
    results = [
        DeedResult(bundle, number, outcome, reference=id) for id, (_, bundle, number) in named
    ]
    # Our own ledger goes by the coordinator's name, which begins each round's.
    return [_noted(named[0][1][0], deed, results)] if results else ()


def _not_done(deed: Deed, rounds: Sequence[Booked]) -> Sequence[Step]:
    results, coordinator = [], ""
    for each in rounds:
        coordinator, bundle, number = round_of(each.round_id)
        results.append(
            DeedResult(
                bundle,
                number,
                Outcome.REFUSED,
                code=legs.OF_CUSTODY.get(each.code, each.code),
                lacking=each.lacking,
            )
        )
    return [_noted(coordinator, deed, results)] if results else ()


def _noted(domain: str, deed: Deed, results: list[DeedResult]) -> Order:
    return Order(NoteDeeds(domain=domain, deed=deed, results=results))
