"""What can be done with a holding? The templates of daml/nostro-dvp/daml/Nostro/Holding.daml, told
in Python, choice by choice."""

from __future__ import annotations

from collections.abc import Iterable

from nostro.adapters.domains.canton_double.interpreter import Choice, Contract, Machine, template
from nostro.adapters.domains.canton_double.values import (
    ListOf,
    OptionalOf,
    Plain,
    Record,
    Value,
    minor_total,
)

HOLDING = "Nostro.Holding:Holding"

INSTRUMENT = Record("InstrumentId", {"admin": Plain.PARTY, "id": Plain.TEXT})
LOCK = Record("Lock", {"executor": Plain.PARTY, "round": Plain.TEXT})
PAYOUT = Record("Payout", {"receiver": Plain.PARTY, "amount": Plain.MINOR})

_ARGUMENT = Record(
    "Holding",
    {
        "owner": Plain.PARTY,
        "instrument": INSTRUMENT,
        "amount": Plain.MINOR,
        "lock": OptionalOf(LOCK),
    },
)


def _signatories(holding: Value) -> Iterable[str]:
    lock = holding["lock"]
    lockers = () if lock is None else (lock["executor"],)
    return (holding["instrument"]["admin"], holding["owner"], *lockers)


def _executors(holding: Value) -> Iterable[str]:
    """Return who may let a lock go; of what is not locked, the registrar, who then fails."""
    lock = holding["lock"]
    return (holding["instrument"]["admin"],) if lock is None else (lock["executor"],)


def _lock(machine: Machine, contract: Contract, told: Value) -> Value:
    holding = contract.argument
    machine.require(holding["lock"] is None, "nostro:locked")
    amounts = [holding["amount"]]
    for each in told["more"]:
        other = machine.fetch(HOLDING, each).argument
        machine.require(other["lock"] is None, "nostro:locked")
        fits = (other["owner"], other["instrument"]) == (holding["owner"], holding["instrument"])
        machine.require(fits, "nostro:content")
        machine.exercise(HOLDING, each, "Archive", {})
        amounts.append(other["amount"])
    asked = [told["amount"], *told["change"]]
    machine.require(minor_total(amounts) == minor_total(asked), "nostro:content")
    lock = {"executor": told["executor"], "round": told["round"]}
    locked = machine.create(HOLDING, {**holding, "amount": told["amount"], "lock": lock})
    for each in told["change"]:
        machine.create(HOLDING, {**holding, "amount": each})
    return locked


def _unlock(machine: Machine, contract: Contract, _told: Value) -> Value:
    machine.require(contract.argument["lock"] is not None, "nostro:unlocked")
    return machine.create(HOLDING, {**contract.argument, "lock": None})


def _deliver(machine: Machine, contract: Contract, told: Value) -> Value:
    holding = {**contract.argument, "lock": None}
    machine.require(contract.argument["lock"] is not None, "nostro:unlocked")
    made = [
        machine.create(HOLDING, {**holding, "owner": each["receiver"], "amount": each["amount"]})
        for each in told["payouts"]
    ]
    paid = minor_total([each["amount"] for each in told["payouts"]])
    left = int(holding["amount"]) - paid
    machine.require(left >= 0, "nostro:stuck")
    if left > 0:
        made.append(machine.create(HOLDING, {**holding, "amount": str(left)}))
    return made


TEMPLATE = template(
    HOLDING,
    argument=_ARGUMENT,
    signatories=_signatories,
    ensure=lambda holding: int(holding["amount"]) > 0,
    choices=(
        Choice(
            name="Holding_Lock",
            argument=Record(
                "Holding_Lock",
                {
                    "executor": Plain.PARTY,
                    "round": Plain.TEXT,
                    "amount": Plain.MINOR,
                    "more": ListOf(Plain.CONTRACT),
                    "change": ListOf(Plain.MINOR),
                },
            ),
            consuming=True,
            controllers=lambda holding, told: (holding["owner"], told["executor"]),
            body=_lock,
        ),
        Choice(
            name="Holding_Unlock",
            argument=Record("Holding_Unlock", {}),
            consuming=True,
            controllers=lambda holding, _: _executors(holding),
            body=_unlock,
        ),
        Choice(
            name="Holding_Deliver",
            argument=Record("Holding_Deliver", {"payouts": ListOf(PAYOUT)}),
            consuming=True,
            controllers=lambda holding, told: (
                *_executors(holding),
                *(each["receiver"] for each in told["payouts"]),
            ),
            body=_deliver,
        ),
    ),
)
