"""A ledger that keeps the promises of a settlement domain, as plainly as they can be kept."""

from __future__ import annotations

from nostro.kernel.movement import Lacking, Lock
from nostro.settlement import Deed, DeedOrder, DeedResult, Outcome

Owned = dict[tuple[str, str], int]


class ScriptedDomain:
    """Who owns what, and where each round stands. `broken`: it refuses to carry out decisions."""

    def __init__(self, name: str, owned: Owned) -> None:
        self.name = name
        self.owned = dict(owned)
        self.held: dict[str, DeedOrder] = {}
        self.executed: dict[str, DeedOrder] = {}
        self.released: set[str] = set()
        self.broken = False

    def available(self, party: str, asset: str) -> int:
        """Return what a party owns that is not earmarked."""
        locks = [lock for order in self.held.values() for lock in order.locks]
        earmarked = [each for each in locks if (each.party, each.asset) == (party, asset)]
        return self.owned.get((party, asset), 0) - sum(each.amount_minor for each in earmarked)

    def answer(self, deed: Deed, order: DeedOrder) -> DeedResult:
        """Do a deed, or say what was done before, or why not."""
        match deed:
            case Deed.HOLD:
                return self._hold(order)
            case Deed.EXECUTE:
                return self._execute(order)
            case Deed.RELEASE:
                return self._release(order)
            case Deed.POST:
                return self._post(order)

    def _hold(self, order: DeedOrder) -> DeedResult:
        id = order.round_id
        if id in self.released or id in self.executed:
            return self._refused(order, "closed" if id in self.released else "done")
        if id not in self.held:
            lacking = self._lacking(order.locks)
            if lacking:
                return self._refused(order, "lacking", lacking)
            self.held[id] = order
        return self._done(order, Outcome.HELD)

    def _execute(self, order: DeedOrder) -> DeedResult:
        id = order.round_id
        if self.broken:
            return self._refused(order, "stuck")
        if id not in self.executed:
            assert id in self.held, f"{self.name} is to execute {id}, which it does not hold"
            self._move(self.held.pop(id))
        return self._done(order, Outcome.EXECUTED)

    def _release(self, order: DeedOrder) -> DeedResult:
        id = order.round_id
        if self.broken:
            return self._refused(order, "stuck")
        assert id not in self.executed, f"{self.name} is to release {id}, which it executed"
        self.held.pop(id, None)
        self.released.add(id)
        return self._done(order, Outcome.RELEASED)

    def _post(self, order: DeedOrder) -> DeedResult:
        given: dict[tuple[str, str], int] = {}
        for move in order.moves:
            for party, sign in ((move.source, 1), (move.target, -1)):
                key = (party, move.asset)
                given[key] = given.get(key, 0) + sign * move.amount_minor
        locks = [Lock(*key, amount) for key, amount in given.items() if amount > 0]
        lacking = self._lacking(locks)
        if lacking:
            return self._refused(order, "lacking", lacking)
        self._move(order)
        return self._done(order, Outcome.EXECUTED)

    def _move(self, order: DeedOrder) -> None:
        self.executed[order.round_id] = order
        for move in order.moves:
            for party, sign in ((move.source, -1), (move.target, 1)):
                key = (party, move.asset)
                self.owned[key] = self.owned.get(key, 0) + sign * move.amount_minor
                assert self.owned[key] >= 0 or sign < 0

    def _lacking(self, locks: list[Lock]) -> list[Lacking]:
        found = [(each, self.available(each.party, each.asset)) for each in locks]
        return [
            Lacking(each.party, each.asset, available)
            for each, available in found
            if available < each.amount_minor
        ]

    def _done(self, order: DeedOrder, outcome: Outcome) -> DeedResult:
        return DeedResult(order.bundle, order.round, outcome, f"{self.name}/{order.round_id}")

    def _refused(
        self, order: DeedOrder, code: str, lacking: list[Lacking] | None = None
    ) -> DeedResult:
        return DeedResult(
            order.bundle, order.round, Outcome.REFUSED, code=code, lacking=lacking or []
        )
