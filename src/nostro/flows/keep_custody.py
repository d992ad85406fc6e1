"""Which story does a settlement domain tell: earmarked, moved or let go, each round by itself?

All of it is one journal row. An earmark is a hold of the ledger; one that covers a single leg is
held against the wallet of who gets it, and posted; others are held against the clearing account,
and voided where the legs are posted. A wallet into which such a leg goes is held open by a hold of
its own, from the clearing account: one that is closed could never be paid into again. What belongs
to a round is linked, and what a ledger refuses of one round touches no other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import msgspec

from nostro.custody import (
    AssetIssued,
    Booked,
    Earmark,
    ExecutionsAsked,
    HoldsAsked,
    NewHold,
    NoteBooked,
    RefuseIssue,
    ReleasesAsked,
)
from nostro.flows import books, legs
from nostro.kernel.messages import Event, Rejection
from nostro.kernel.movement import Lacking, Lock, Move
from nostro.kernel.reply import Reply
from nostro.kernel.room import Amend, Answer, Order, Step
from nostro.ledger import (
    ACCOUNTS_MAX,
    TRANSFERS_MAX,
    AccountType,
    Action,
    CreateTransfers,
    CreateTransfersTogether,
    NewAccount,
    NewTransfer,
    OpenAccounts,
    QuoteBalances,
    RegisterAsset,
)

LACKING = "custody.lacking"
ACCOUNT_UNKNOWN = "custody.account_unknown"
ACCOUNT_BLOCKED = "custody.account_blocked"
STUCK = "custody.stuck"
_SHORT = frozenset({*legs.LACKING, "ledger.debit_not_found"})
"""How the ledger says that there is not enough: also where there never was anything."""
_NOT_THE_REASON = frozenset({"ledger.exists", "ledger.linked_failed"})
_HOLD = int(books.TransferCode.DVP_HOLD)
_RELEASE = int(books.TransferCode.DVP_RELEASE)
_DVP = int(books.TransferCode.DVP)

Tell = Callable[[Reply], Sequence[Step]]
"""Makes steps of what custody says of rounds, once the books have done what was asked."""
Part = tuple[Earmark, Sequence[NewTransfer]]
"""A round with what is to be recorded for it, together or not at all."""
Refused = Mapping[str, str]
"""Why the ledger refused, by round."""
Conclude = Callable[[Sequence[Earmark], Refused], Sequence[Step]]


def _nobody_asks(_reply: Reply) -> Sequence[Step]:
    return ()


# -- hold ------------------------------------------------------------------------------------------


def hold(event: HoldsAsked, tell: Tell = _nobody_asks) -> Sequence[Step]:
    """Earmark what rounds need; open the wallets of those who get something for the first time."""
    return [step for rounds in _in_groups(event.rounds) for step in _hold(rounds, tell)]


def _in_groups(rounds: Sequence[Earmark]) -> Iterator[list[Earmark]]:
    """Yield rounds in groups whose accounts, two for each leg at most, go into one command."""
    group: list[Earmark] = []
    count = 0
    for each in rounds:
        needed = 2 * max(len(each.hold.moves), len(each.hold.locks))
        if group and count + needed > ACCOUNTS_MAX:
            yield group
            group, count = [], 0
        group.append(each)
        count += needed
    yield group


def _hold(rounds: Sequence[Earmark], tell: Tell) -> Sequence[Step]:
    accounts = _receiving(rounds)

    def opened(reply: Reply) -> Sequence[Step]:
        unknown = {
            accounts[index].asset
            for index, code, _ in reply.body["results"]
            if code == "asset.unknown"
        }

        def conclude(booked: Sequence[Earmark], refused: Refused) -> Sequence[Step]:
            return _held(booked, refused, unknown, tell)

        return _recorded([(each, _earmarking(each, unknown)) for each in rounds], conclude)

    return [Order(OpenAccounts(accounts=accounts), then=opened)]


def _receiving(rounds: Sequence[Earmark]) -> list[NewAccount]:
    """Return the accounts, each once, on which something is to arrive."""
    moves = [move for each in rounds for move in each.hold.moves]
    wallets = {(move.target, move.asset): None for move in moves}
    clearing = {
        asset: None
        for each in rounds
        if len(_paired(each.hold)) < len(each.hold.moves)
        for asset in (move.asset for move in each.hold.moves)
    }
    return [
        *(books.wallet_of(party, asset) for party, asset in wallets),
        *(
            NewAccount(id=books.clearing_account(asset), asset=asset, type=AccountType.LIABILITY)
            for asset in clearing
        ),
    ]


def _paired(hold: NewHold) -> Mapping[int, int]:
    """Return which lock covers exactly one leg, and which: both by place."""
    locks, moves = hold.locks, hold.moves
    if len(moves) == 1:
        return {0: 0} if locks[0].amount_minor == moves[0].amount_minor else {}
    if legs.passes_on(moves):
        return {}
    given: dict[tuple[str, str, bool], list[int]] = {}
    for place, move in enumerate(moves):
        given.setdefault((move.source, move.asset, move.prefunded), []).append(place)
    paired = {}
    for number, lock in enumerate(locks):
        places = given[lock.party, lock.asset, lock.prefunded]
        if len(places) == 1 and moves[places[0]].amount_minor == lock.amount_minor:
            paired[number] = places[0]
    return paired


def _earmarking(earmark: Earmark, unknown: set[str]) -> list[NewTransfer]:
    hold = earmark.hold
    if _names(hold, unknown):
        return []
    paired = _paired(hold)
    return _linked(
        [
            NewTransfer(
                id=books.earmark_id(hold.round_id, earmark.attempt, number),
                action=Action.HOLD,
                debit=_purse(lock),
                credit=_toward(lock, hold.moves[paired[number]] if number in paired else None),
                amount_minor=lock.amount_minor,
                code=_HOLD,
            )
            for number, lock in enumerate(hold.locks)
        ]
        + [
            NewTransfer(
                id=books.earmark_id(hold.round_id, earmark.attempt, number),
                action=Action.HOLD,
                debit=books.clearing_account(move.asset),
                credit=books.wallet_account(move.target, move.asset),
                amount_minor=move.amount_minor,
                code=_HOLD,
            )
            for number, move in enumerate(_unpaired(hold, paired), len(hold.locks))
        ]
    )


def _unpaired(hold: NewHold, paired: Mapping[int, int]) -> list[Move]:
    """Return the legs that no lock covers, whose wallets are held open."""
    covered = set(paired.values())
    return [move for place, move in enumerate(hold.moves) if place not in covered]


def _count_of_holds(hold: NewHold) -> int:
    return len(hold.locks) + len(_unpaired(hold, _paired(hold)))


def _purse(lock: Lock) -> str:
    purse = books.unsettled_account if lock.prefunded else books.wallet_account
    return purse(lock.party, lock.asset)


def _toward(lock: Lock, move: Move | None) -> str:
    if move is None:
        return books.clearing_account(lock.asset)
    return books.wallet_account(move.target, move.asset)


def _held(
    rounds: Sequence[Earmark], refused: Refused, unknown: set[str], tell: Tell
) -> Sequence[Step]:
    """Note what is held; of what is not, why, and what each party has of what is lacking."""
    booked: dict[str, Booked] = {}
    short: list[Earmark] = []
    for each in rounds:
        round_id = each.hold.round_id
        why = refused.get(round_id, "")
        code = _refusal(each.hold, why, unknown)
        booked[round_id] = Booked(round_id, code, [], why)
        if code == LACKING:
            short.append(each)
    if not short:
        return [_noted(list(booked.values()), tell)]
    locks = [(each.hold.round_id, lock) for each in short for lock in each.hold.locks]

    def quoted(reply: Reply) -> Sequence[Step]:
        for (round_id, lock), balance in zip(locks, reply.body["balances"], strict=True):
            available = 0 if balance is None else max(0, balance[1])
            if available < lock.amount_minor:
                lacking = Lacking(lock.party, lock.asset, available)
                booked[round_id].lacking.append(lacking)
        return [_noted(list(booked.values()), tell)]

    return [Order(QuoteBalances(accounts=[_purse(lock) for _, lock in locks]), then=quoted)]


def _refusal(hold: NewHold, why: str, unknown: set[str]) -> str:
    """Return under which code a round is refused ("": it is held)."""
    if _names(hold, unknown):
        return ACCOUNT_UNKNOWN
    if not why:
        return ""
    return LACKING if why in _SHORT else ACCOUNT_BLOCKED


def _names(hold: NewHold, assets: set[str]) -> bool:
    return bool(assets) and any(move.asset in assets for move in hold.moves)


# -- execute and release ---------------------------------------------------------------------------


def execute(event: ExecutionsAsked, tell: Tell = _nobody_asks) -> Sequence[Step]:
    """Move what rounds hold."""
    parts = [(each, _executing(each)) for each in event.rounds]
    return _recorded(parts, lambda rounds, refused: _resolved(rounds, refused, tell))


def release(event: ReleasesAsked, tell: Tell = _nobody_asks) -> Sequence[Step]:
    """Let go what rounds hold."""
    parts = [
        (each, _linked([_voiding(each, number) for number in range(_count_of_holds(each.hold))]))
        for each in event.rounds
    ]
    return _recorded(parts, lambda rounds, refused: _resolved(rounds, refused, tell))


def _executing(earmark: Earmark) -> list[NewTransfer]:
    """Return the posting of a round: holds resolved first, then the legs that none of them was."""
    hold = earmark.hold
    stem = books.settle_stem(hold.round_id, earmark.tries)
    paired = _paired(hold)
    resolving = [
        NewTransfer(
            id=f"{stem}:{paired[number] + 1}",
            action=Action.POST,
            refers_to=books.earmark_id(hold.round_id, earmark.attempt, number),
            code=_DVP,
        )
        if number in paired
        else _voiding(earmark, number)
        for number in range(_count_of_holds(hold))
    ]
    if len(paired) == len(hold.moves):
        return _linked(resolving)
    posted = {transfer.id for transfer in resolving}
    others = [each for each in legs.transfers_of(stem, hold.moves) if each.id not in posted]
    return _linked(resolving + others)


def _voiding(earmark: Earmark, number: int) -> NewTransfer:
    round_id = earmark.hold.round_id
    return NewTransfer(
        id=books.earmark_void_id(round_id, earmark.tries, number),
        action=Action.VOID,
        refers_to=books.earmark_id(round_id, earmark.attempt, number),
        code=_RELEASE,
    )


def _resolved(rounds: Sequence[Earmark], refused: Refused, tell: Tell) -> Sequence[Step]:
    booked = []
    for each in rounds:
        round_id = each.hold.round_id
        why = refused.get(round_id, "")
        booked.append(Booked(round_id, STUCK if why else "", [], why))
    return [_noted(booked, tell)]


# -- the books -------------------------------------------------------------------------------------


def _linked(transfers: list[NewTransfer]) -> list[NewTransfer]:
    """Return transfers that succeed or fail together."""
    chain = [msgspec.structs.replace(each, linked=True) for each in transfers[:-1]]
    return chain + transfers[-1:]


def _recorded(parts: Sequence[Part], conclude: Conclude) -> Sequence[Step]:
    """Return the steps that record rounds, each by itself, in as few commands as the ledger
    takes."""
    steps: list[Step] = []
    group: list[Part] = []
    count = 0
    for part in parts:
        if count + len(part[1]) > TRANSFERS_MAX:
            steps += _group(group, conclude)
            group, count = [], 0
        group.append(part)
        count += len(part[1])
    return steps + list(_group(group, conclude))


def _group(group: Sequence[Part], conclude: Conclude) -> Sequence[Step]:
    rounds = [earmark for earmark, _ in group]
    transfers = [transfer for _, each in group for transfer in each]
    if not transfers:
        return conclude(rounds, {})
    ends = list(accumulate(len(each) for _, each in group))

    def recorded(reply: Reply) -> Sequence[Step]:
        refused: dict[str, str] = {}
        for index, code, _facts in reply.body["results"]:
            if code not in _NOT_THE_REASON:
                refused[rounds[bisect_right(ends, index)].hold.round_id] = code
        return conclude(rounds, refused)

    return [Order(CreateTransfers(transfers=transfers), then=recorded)]


def _noted(booked: list[Booked], tell: Tell) -> Order:
    return Order(NoteBooked(results=booked), then=tell)


# -- issue -----------------------------------------------------------------------------------------


def issue(event: AssetIssued) -> Sequence[Step]:
    """Credit a party from its issuer's account, or debit it; the asset is registered and the
    accounts are opened when they are new."""
    asset, amount = event.asset, event.amount_minor
    wallet, issuer = books.wallet_account(event.party, asset), books.issuer_account(asset)
    transfer = NewTransfer(
        id=books.issue_id(event.reference),
        debit=issuer if amount > 0 else wallet,
        credit=wallet if amount > 0 else issuer,
        amount_minor=abs(amount),
        code=books.TransferCode.ISSUE,
    )

    def refused(no: Rejection) -> Sequence[Step]:
        code = _issue_refusal(no.code)
        facts: dict[str, Any] = {"reference": event.reference, "asset": asset}
        for name in ("available_minor", "scale"):
            if name in no.facts:
                facts[name] = no.facts[name]
        return [
            Order(RefuseIssue(reference=event.reference, code=code)),
            Answer(code=code, facts=facts),
        ]

    def registered(_: Reply) -> Sequence[Step]:
        accounts = [
            NewAccount(id=issuer, asset=asset, type=AccountType.ASSET),
            books.wallet_of(event.party, asset),
        ]
        return [
            Order(OpenAccounts(accounts=accounts)),
            Order(CreateTransfersTogether(transfers=[transfer]), otherwise=refused),
        ]

    register = RegisterAsset(code=asset, scale=event.scale)
    return [Order(register, otherwise=refused, then=registered)]


def _issue_refusal(code: str) -> str:
    match code:
        case "asset.bad_code" | "asset.bad_scale":
            return "custody.bad_asset"
        case "ledger.asset_exists_with_different_scale":
            return "custody.scale_differs"
        case _ if code in _SHORT:
            return LACKING
        case _:
            return ACCOUNT_BLOCKED


# -- who is answered -------------------------------------------------------------------------------


def _answer(reply: Reply) -> Sequence[Step]:
    """Tell whoever asked what became of the rounds that were asked of the ledger."""
    told = {each["round_id"]: each for each in reply.body["results"]}

    def completed(first: Reply) -> Reply:
        results = [
            each if "code" in each else told.get(each["round_id"], each)
            for each in first.body["results"]
        ]
        return Reply(body={"results": results})

    return [Amend(completed)]


def _answered(flow: Callable[[Any, Tell], Sequence[Step]]) -> Callable[[Event], Sequence[Step]]:
    return lambda event: flow(event, _answer)


CUSTODY_FLOWS: Mapping[type[Event], Any] = {
    HoldsAsked: hold,
    ExecutionsAsked: execute,
    ReleasesAsked: release,
    AssetIssued: issue,
}
"""Where rounds are asked for by other flows, who hear of it from the events of the same row."""

DOMAIN_FLOWS: Mapping[type[Event], Any] = {
    HoldsAsked: _answered(hold),
    ExecutionsAsked: _answered(execute),
    ReleasesAsked: _answered(release),
    AssetIssued: issue,
}
"""Where rounds are asked for by whoever sends the commands, and hears the answer."""
