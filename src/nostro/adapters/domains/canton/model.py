"""Which contracts and choices of our Daml model does the adapter use, and how are they written?

The model is in `daml/`. Amounts there are whole minor units, without decimals and of up to 38
digits; numbers travel as strings. Field names are those of the Daml records.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from nostro.adapters.domains.canton.answers import CreatedEvent
from nostro.adapters.domains.canton.shapes import (
    CreateCommand,
    ExerciseCommand,
    LedgerCommand,
)

PACKAGE = "nostro-dvp"
HOLDING = "Nostro.Holding:Holding"
MANDATE = "Nostro.Settlement:Mandate"
DESK = "Nostro.Settlement:Desk"
DVP = "Nostro.Settlement:DeliveryVersusPayment"
SETTLED = "Nostro.Settlement:SettledRound"
CLOSED = "Nostro.Settlement:ClosedRound"
OF_EXECUTOR = (MANDATE, DESK, DVP, SETTLED, CLOSED)
"""What the executor has a stake in."""
FENCED = "nostro:fenced"
"""In the cause when a choice was refused because a later coordinator has taken over."""

_Payload = TypeVar("_Payload")
_WHOLE = re.compile(r"(-?[0-9]{1,38})(?:\.0*)?", re.ASCII)


class BadPayload(ValueError):
    """A contract that is not as our model has it."""


class Instrument(msgspec.Struct, frozen=True):
    """An asset as its registrar names it."""

    admin: str
    id: str


class HoldingLock(msgspec.Struct, frozen=True):
    """For which round a holding is locked, and who may deliver or unlock it."""

    executor: str
    round: str


class Holding(msgspec.Struct, frozen=True):
    """What an owner has of an instrument, in one piece."""

    owner: str
    instrument: Instrument
    amount: str
    lock: HoldingLock | None = None


class Mandate(msgspec.Struct, frozen=True):
    """An owner lets the executor lock, deliver and receive for it; `account`: its name here."""

    owner: str
    executor: str
    account: str


class Desk(msgspec.Struct, frozen=True):
    """Where a coordinator stands: whoever has the highest epoch is in charge."""

    executor: str
    coordinator: str
    epoch: str


class Leg(msgspec.Struct, frozen=True):
    """What passes from one owner to another."""

    sender: str
    receiver: str
    instrument: Instrument
    amount: str


class LockOrder(msgspec.Struct, frozen=True):
    """What to lock, from which holdings, and how to give back what is more."""

    owner: str
    instrument: Instrument
    amount: str
    inputs: tuple[str, ...]
    change: tuple[str, ...]


class DeliveryVersusPayment(msgspec.Struct, frozen=True):
    """A round that is held."""

    executor: str
    coordinator: str
    round: str
    epoch: str
    deliveries: tuple[Leg, ...]
    payments: tuple[Leg, ...]
    locked: tuple[str, ...]


class SettledRound(msgspec.Struct, frozen=True):
    """A round that was executed; `dvp` was its contract."""

    executor: str
    coordinator: str
    round: str
    dvp: str


class ClosedRound(msgspec.Struct, frozen=True):
    """A round that was released, or never held; it never will be."""

    executor: str
    coordinator: str
    round: str


def template_id(name: str) -> str:
    """Return how a template is named in requests: any version of the package."""
    return f"#{PACKAGE}:{name}"


def name_of(told: str) -> str:
    """Return the `Module:Template` of an id as events have it."""
    return told.partition(":")[2]


def payload(created: CreatedEvent, shape: type[_Payload]) -> _Payload:
    """Return what a contract says. Raises BadPayload."""
    try:
        return msgspec.convert(created.create_argument, shape)
    except msgspec.ValidationError as error:
        raise BadPayload(f"{created.template_id} {created.contract_id}: {error}") from error


def whole(number: str) -> int:
    """Return a number of the ledger as an integer ("500", "500." and "500.0" are the same). Raises
    BadPayload when it is none."""
    told = _WHOLE.fullmatch(number)
    if told is None:
        raise BadPayload(f"{number[:60]!r} is no whole number")
    return int(told[1])


def create(name: str, **arguments: Any) -> LedgerCommand:
    """Return the command that creates a contract."""
    return LedgerCommand(
        create=CreateCommand(template_id=template_id(name), create_arguments=arguments)
    )


def exercise(name: str, contract_id: str, choice: str, **arguments: Any) -> LedgerCommand:
    """Return the command that exercises a choice."""
    return LedgerCommand(
        exercise=ExerciseCommand(
            template_id=template_id(name),
            contract_id=contract_id,
            choice=choice,
            choice_argument=arguments,
        )
    )
