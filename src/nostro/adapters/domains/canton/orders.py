"""How is what a round needs told to the ledger: in its parties, instruments and contracts?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from nostro.adapters.domains.canton.ledger_view import LedgerView, Round
from nostro.adapters.domains.canton.model import Instrument, Leg, LockOrder, whole
from nostro.adapters.domains.canton.picking import Need, Picked
from nostro.adapters.domains.canton.terms import CantonTerms
from nostro.adapters.domains.port import HoldOrder
from nostro.kernel.movement import Lock, Move

AMOUNT_MINOR_MAX = 10**38 - 1
"""What the ledger's numbers take."""


class Plan(msgspec.Struct, frozen=True):
    """A round in the ledger's words. `mandates`: of everybody who takes part, by contract id."""

    round_id: str
    deliveries: tuple[Leg, ...]
    payments: tuple[Leg, ...]
    needs: tuple[Need, ...]
    accounts: tuple[str, ...]
    """Whose each need is, in our words: the first, where accounts of one owner share it."""
    mandates: tuple[str, ...]


class NoAccount(msgspec.Struct, frozen=True):
    """Parties without a mandate on the ledger."""

    parties: tuple[str, ...]


def wrong_with(order: HoldOrder) -> str:
    """Return why the ledger could never take an order, "" when it could."""
    if not order.locks and not order.moves:
        return "there is nothing to lock and nothing to move"
    items: tuple[Lock | Move, ...] = (*order.locks, *order.moves)
    if any(each.prefunded for each in items):
        return "nothing is set aside for trades on this ledger"
    if not all(0 < each.amount_minor <= AMOUNT_MINOR_MAX for each in items):
        return "an amount is none, or beyond what the ledger can write"
    if any(left < 0 for left in _covered(order).values()):
        return "the locks do not cover the moves"
    return ""


def _covered(order: HoldOrder) -> Counter[tuple[str, str]]:
    """Return what is left of the locks of each party and asset when everything has moved."""
    left: Counter[tuple[str, str]] = Counter()
    for lock in order.locks:
        left[lock.party, lock.asset] += lock.amount_minor
    for move in order.moves:
        left[move.source, move.asset] -= move.amount_minor
        left[move.target, move.asset] += move.amount_minor
    return left


def planned(order: HoldOrder, view: LedgerView, terms: CantonTerms) -> Plan | NoAccount:
    """Return a round in the ledger's words, as far as its parties have mandates there."""
    names = _parties(order)
    found = {name: view.mandate(name) for name in names}
    missing = tuple(name for name in names if found[name] is None)
    if missing:
        return NoAccount(missing)
    owners = {name: at[1].owner for name, at in found.items() if at is not None}

    def leg(move: Move) -> Leg:
        return Leg(
            sender=owners[move.source],
            receiver=owners[move.target],
            instrument=_instrument(move.asset, terms),
            amount=str(move.amount_minor),
        )

    needs: dict[tuple[str, Instrument], Need] = {}
    accounts: dict[tuple[str, Instrument], str] = {}
    for lock in order.locks:
        owner, instrument = owners[lock.party], _instrument(lock.asset, terms)
        known = needs.get((owner, instrument))
        amount = lock.amount_minor + (known.amount_minor if known else 0)
        needs[owner, instrument] = Need(owner, instrument, amount)
        accounts.setdefault((owner, instrument), lock.party)
    return Plan(
        round_id=order.round_id,
        deliveries=tuple(leg(each) for each in order.moves if not terms.is_cash(each.asset)),
        payments=tuple(leg(each) for each in order.moves if terms.is_cash(each.asset)),
        needs=tuple(needs.values()),
        accounts=tuple(accounts.values()),
        mandates=tuple(
            # Accounts of one owner have a mandate each, of which one is enough.
            {at[1].owner: at[0] for at in found.values() if at is not None}.values()
        ),
    )


def hold_arguments(plan: Plan, picked: Sequence[Picked], *, epoch: int) -> dict[str, Any]:
    """Return the argument of the choice that holds a round."""
    order = {
        "round": plan.round_id,
        "epoch": str(epoch),
        "deliveries": plan.deliveries,
        "payments": plan.payments,
        "locks": [_lock_order(each) for each in picked],
    }
    return {"order": order, "mandates": plan.mandates}


def differs(plan: Plan, held: Round, view: LedgerView) -> bool:
    """Tell whether a round is held with other content than this."""
    contract = held.contract
    if contract is None:
        return False
    legs = (_totals(plan.deliveries), _totals(plan.payments))
    if legs != (_totals(contract.deliveries), _totals(contract.payments)):
        return True
    locked: Counter[tuple[str, Instrument]] = Counter()
    for each in contract.locked:
        piece = view.pieces.get(each)
        if piece is not None:
            locked[piece.of] += piece.amount_minor
    wanted: Counter[tuple[str, Instrument]] = Counter()
    for need in plan.needs:
        wanted[need.owner, need.instrument] += need.amount_minor
    return locked != wanted


def _totals(legs: Iterable[Leg]) -> Counter[tuple[str, str, Instrument]]:
    totals: Counter[tuple[str, str, Instrument]] = Counter()
    for leg in legs:
        totals[leg.sender, leg.receiver, leg.instrument] += whole(leg.amount)
    return totals


def _parties(order: HoldOrder) -> tuple[str, ...]:
    """Return everybody who takes part, each once."""
    moving = (name for move in order.moves for name in (move.source, move.target))
    return tuple(dict.fromkeys((*(each.party for each in order.locks), *moving)))


def _instrument(asset: str, terms: CantonTerms) -> Instrument:
    return Instrument(admin=terms.registrar(asset), id=asset)


def _lock_order(picked: Picked) -> LockOrder:
    return LockOrder(
        owner=picked.need.owner,
        instrument=picked.need.instrument,
        amount=str(picked.need.amount_minor),
        inputs=tuple(piece.contract_id for piece in picked.pieces),
        change=tuple(str(each) for each in picked.change_minor),
    )
