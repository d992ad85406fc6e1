"""Is a round, a party or a reference well formed, and do the locks of a round cover its moves?"""

from __future__ import annotations

import re
from collections.abc import Sized

from nostro.custody.terms import (
    MOVES_MAX,
    PARTY_MAX,
    REFERENCE_MAX,
    ROUND_ID_MAX,
    ROUNDS_MAX,
    NewHold,
)
from nostro.kernel.messages import Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.kernel.movement import Lock, Move

EPOCH_MAX = 2**63 - 1
ASSET_MAX = 24
_ROUND_ID = re.compile(rf"[A-Za-z0-9._:@/-]{{1,{ROUND_ID_MAX}}}\Z", re.ASCII)
_REFERENCE = re.compile(rf"[A-Za-z0-9._:@/-]{{1,{REFERENCE_MAX}}}\Z", re.ASCII)
_PARTY = re.compile(rf"[A-Za-z0-9._@-]{{1,{PARTY_MAX}}}\Z", re.ASCII)
_ASSET = re.compile(rf"[A-Za-z0-9._-]{{1,{ASSET_MAX}}}\Z", re.ASCII)


def check_count(rounds: Sized) -> None:
    """Raise Rejection `custody.none` or `custody.too_many`."""
    if not len(rounds):
        raise Rejection("custody.none")
    if len(rounds) > ROUNDS_MAX:
        raise Rejection("custody.too_many", count=len(rounds), count_max=ROUNDS_MAX)


def check_named(round_id: str, epoch: int) -> None:
    """Raise Rejection `custody.bad_round` when no round can be named so."""
    if not _ROUND_ID.match(round_id):
        raise bad_round("id")
    if not 0 <= epoch <= EPOCH_MAX:
        raise bad_round("epoch")


def bad_round(reason: str) -> Rejection:
    """Return why a round can never be held."""
    return Rejection("custody.bad_round", reason=reason)


def check_hold(hold: NewHold) -> None:
    """Raise Rejection `custody.bad_round` when what is to be held makes no sense."""
    if not hold.moves:
        raise bad_round("moves_missing")
    if len(hold.locks) > MOVES_MAX or len(hold.moves) > MOVES_MAX:
        raise bad_round("too_many_moves")
    for each in hold.moves:
        _check_move(each)
    needed = _needed(hold)
    for lock in hold.locks:
        _check_lock(lock)
        place = (lock.party, lock.asset, lock.prefunded)
        if place not in needed:
            raise bad_round("lock_needless")
        if lock.amount_minor < needed.pop(place):
            raise bad_round("lock_too_small")
    if any(amount > 0 for amount in needed.values()):
        raise bad_round("lock_missing")


def _needed(hold: NewHold) -> dict[tuple[str, str, bool], int]:
    """Return what each party gives net of each asset; of what was prefunded gross."""
    needed: dict[tuple[str, str, bool], int] = {}
    for move in hold.moves:
        place = (move.source, move.asset, move.prefunded)
        needed[place] = needed.get(place, 0) + move.amount_minor
    for move in hold.moves:
        place = (move.target, move.asset, False)
        if place in needed:
            needed[place] -= move.amount_minor
    return needed


def _check_move(move: Move) -> None:
    if move.source == move.target:
        raise bad_round("same_party")
    _check_party_and_amount(move.source, move.asset, move.amount_minor)
    if not _PARTY.match(move.target):
        raise bad_round("party")


def _check_lock(lock: Lock) -> None:
    _check_party_and_amount(lock.party, lock.asset, lock.amount_minor)


def _check_party_and_amount(party: str, asset: str, amount_minor: int) -> None:
    if not _PARTY.match(party):
        raise bad_round("party")
    if not _ASSET.match(asset):
        raise bad_round("asset")
    if not 0 < amount_minor <= AMOUNT_MINOR_MAX:
        raise bad_round("amount")


def check_party(party: str) -> None:
    """Raise Rejection `custody.bad_party`."""
    if not _PARTY.match(party):
        raise Rejection("custody.bad_party", party=party[:PARTY_MAX], length_max=PARTY_MAX)


def check_reference(reference: str) -> None:
    """Raise Rejection `custody.bad_reference`."""
    if not _REFERENCE.match(reference):
        raise Rejection(
            "custody.bad_reference", reference=reference[:REFERENCE_MAX], length_max=REFERENCE_MAX
        )
