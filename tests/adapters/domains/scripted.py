"""A domain that does what a test says: here, away, silent, slow, with a memory that may be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from nostro.adapters.domains.port import (
    CLOSED,
    DONE,
    FENCED,
    UNKNOWN,
    Absent,
    DomainHead,
    Executed,
    Held,
    HoldOrder,
    Refused,
    Released,
    RoundAt,
    RoundOrder,
    Silent,
)
from nostro.runtime.ports import NotDone, OutcomeUnknown


class ScriptedDomain:
    """Keeps rounds in memory. `away`: every call fails, nothing is done; `deaf`: it is done and no
    answer comes; `silent`: round ids that get no answer; `refuses`: what a hold of a round gets;
    `poison`: calls with this round fail; `gate`: calls wait while it is clear."""

    def __init__(self, name: str = "equities") -> None:
        self.name = name
        self.stands: dict[str, Held | Executed | Released] = {}
        self.epochs: dict[str, int] = {}
        self.calls: list[tuple[str, list[str]]] = []
        self.under_way_max = 0
        self.under_way = 0
        self.height = 0
        self.away = False
        self.deaf = False
        self.silent: set[str] = set()
        self.refuses: dict[str, Refused] = {}
        self.poison = ""
        self.gate = asyncio.Event()
        self.gate.set()

    def asked(self, deed: str) -> list[list[str]]:
        """Return the rounds of each call of a deed."""
        return [rounds for name, rounds in self.calls if name == deed]

    async def hold(self, orders: Sequence[HoldOrder]) -> Sequence[Any]:
        return await self._do("hold", orders)

    async def execute(self, orders: Sequence[RoundOrder]) -> Sequence[Any]:
        return await self._do("execute", orders)

    async def release(self, orders: Sequence[RoundOrder]) -> Sequence[Any]:
        return await self._do("release", orders)

    async def _do(self, deed: str, orders: Sequence[HoldOrder | RoundOrder]) -> Sequence[Any]:
        ids = [order.round_id for order in orders]
        self.calls.append((deed, ids))
        self.under_way += 1
        self.under_way_max = max(self.under_way_max, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        if self.away or self.poison in ids:
            raise NotDone("scripted: away")
        answers = [self._answer(deed, order) for order in orders]
        self.height += 1
        if self.deaf:
            raise OutcomeUnknown("scripted: the answer was lost")
        return answers

    def _answer(self, deed: str, order: HoldOrder | RoundOrder) -> Any:
        id_ = order.round_id
        if id_ in self.silent:
            return Silent("scripted")
        if order.epoch < self.epochs.get(id_, 0):
            return Refused(FENCED)
        self.epochs[id_] = order.epoch
        stands = self.stands.get(id_)
        if deed == "hold":
            if stands is None and id_ in self.refuses:
                return self.refuses[id_]
            if isinstance(stands, Released):
                return Refused(CLOSED)
            return stands or self._stand(id_, Held(self._reference))
        if deed == "execute":
            match stands:
                case None:
                    return Refused(UNKNOWN)
                case Released():
                    return Refused(CLOSED)
                case Held():
                    return self._stand(id_, Executed(self._reference))
            return stands
        if isinstance(stands, Executed):
            return Refused(DONE)
        return stands if isinstance(stands, Released) else self._release(id_)

    def _release(self, id_: str) -> Held | Executed | Released:
        return self._stand(id_, Released(self._reference))

    @property
    def _reference(self) -> str:
        return f"{self.name}:{self.height + 1}"

    def _stand(self, id_: str, answer: Held | Executed | Released) -> Held | Executed | Released:
        self.stands[id_] = answer
        return answer

    async def status(self, round_ids: Sequence[str]) -> Sequence[Any]:
        self.calls.append(("status", list(round_ids)))
        if self.away:
            raise NotDone("scripted: away")
        return [
            Silent("scripted") if each in self.silent else self.stands.get(each, Absent())
            for each in round_ids
        ]

    async def head(self) -> DomainHead:
        self.calls.append(("head", []))
        if self.away:
            raise NotDone("scripted: away")
        return DomainHead(self.name, self.height)

    async def rounds(self, *, after: str, limit: int = 200) -> Sequence[RoundAt]:
        beyond = sorted(each for each in self.stands if each > after)
        return [RoundAt(each, self.stands[each]) for each in beyond[:limit]]

    async def close(self) -> None:
        pass
