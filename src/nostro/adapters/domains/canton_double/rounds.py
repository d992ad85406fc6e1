"""What can be done for a round of settlements? The templates of
daml/nostro-dvp/daml/Nostro/Settlement.daml, told in Python, choice by choice."""

from __future__ import annotations

from nostro.adapters.domains.canton_double.holdings import HOLDING, INSTRUMENT
from nostro.adapters.domains.canton_double.interpreter import (
    UNIT,
    Choice,
    Contract,
    Machine,
    template,
)
from nostro.adapters.domains.canton_double.values import (
    ListOf,
    Plain,
    Record,
    Value,
)

MANDATE = "Nostro.Settlement:Mandate"
PROPOSAL = "Nostro.Settlement:MandateProposal"
DESK = "Nostro.Settlement:Desk"
DVP = "Nostro.Settlement:DeliveryVersusPayment"
SETTLED = "Nostro.Settlement:SettledRound"
CLOSED = "Nostro.Settlement:ClosedRound"

LEG = Record(
    "Leg",
    {
        "sender": Plain.PARTY,
        "receiver": Plain.PARTY,
        "instrument": INSTRUMENT,
        "amount": Plain.MINOR,
    },
)
LOCK_ORDER = Record(
    "LockOrder",
    {
        "owner": Plain.PARTY,
        "instrument": INSTRUMENT,
        "amount": Plain.MINOR,
        "inputs": ListOf(Plain.CONTRACT),
        "change": ListOf(Plain.MINOR),
    },
)
HOLD_ORDER = Record(
    "HoldOrder",
    {
        "round": Plain.TEXT,
        "epoch": Plain.INT,
        "deliveries": ListOf(LEG),
        "payments": ListOf(LEG),
        "locks": ListOf(LOCK_ORDER),
    },
)
_ROUND = {
    "executor": Plain.PARTY,
    "coordinator": Plain.TEXT,
    "round": Plain.TEXT,
    "epoch": Plain.INT,
}
_MANDATED = {"owner": Plain.PARTY, "executor": Plain.PARTY, "account": Plain.TEXT}
_AT_DESK = {"desk": Plain.CONTRACT, "epoch": Plain.INT}
_JOINED = Record(
    "Mandate_Join",
    {
        "joined": ListOf(Plain.PARTY),
        "others": ListOf(Plain.CONTRACT),
        "order": HOLD_ORDER,
        "coordinator": Plain.TEXT,
    },
)
Account = tuple[str, str, str]
"""(party, registrar, instrument)"""


def participants(order: Value) -> list[str]:
    """Return everybody who is named in legs and locks, each once, sorted."""
    legs = [*order["deliveries"], *order["payments"]]
    named = {party for leg in legs for party in (leg["sender"], leg["receiver"])}
    return sorted(named | {lock["owner"] for lock in order["locks"]})


# -- holding ------------------------------------------------------------------------------------


def _desk_hold(machine: Machine, contract: Contract, told: Value) -> Value:
    desk, order = contract.argument, told["order"]
    machine.require(order["epoch"] == desk["epoch"], "nostro:fenced")
    machine.require(bool(told["mandates"]), "nostro:content")
    first, *others = told["mandates"]
    joining = {
        "joined": [],
        "others": others,
        "order": order,
        "coordinator": desk["coordinator"],
    }
    return machine.exercise(MANDATE, first, "Mandate_Join", joining)


def _join(machine: Machine, contract: Contract, told: Value) -> Value:
    mandate = contract.argument
    joined = [*told["joined"], mandate["owner"]]
    if told["others"]:
        first, *others = told["others"]
        joining = {**told, "joined": joined, "others": others}
        return machine.exercise(MANDATE, first, "Mandate_Join", joining)
    return _hold(machine, mandate["executor"], joined=joined, told=told)


def _hold(machine: Machine, executor: str, *, joined: list[str], told: Value) -> Value:
    """Lock everything and make the contract, with everybody's authority."""
    order = told["order"]
    everybody = participants(order)
    machine.require(everybody == sorted(set(joined)), "nostro:content")
    locked = [_lock(machine, executor, order["round"], each) for each in order["locks"]]
    return machine.create(
        DVP,
        {
            "executor": executor,
            "coordinator": told["coordinator"],
            "round": order["round"],
            "epoch": order["epoch"],
            "participants": everybody,
            "deliveries": order["deliveries"],
            "payments": order["payments"],
            "locked": locked,
        },
    )


def _lock(machine: Machine, executor: str, round_id: str, order: Value) -> Value:
    machine.require(bool(order["inputs"]), "nostro:content")
    first, *more = order["inputs"]
    holding = machine.fetch(HOLDING, first).argument
    fits = (holding["owner"], holding["instrument"]) == (order["owner"], order["instrument"])
    machine.require(fits, "nostro:content")
    locking = {
        "executor": executor,
        "round": round_id,
        "amount": order["amount"],
        "more": more,
        "change": order["change"],
    }
    return machine.exercise(HOLDING, first, "Holding_Lock", locking)


def _desk_close(machine: Machine, contract: Contract, told: Value) -> Value:
    desk = contract.argument
    machine.require(told["epoch"] == desk["epoch"], "nostro:fenced")
    closed = {name: desk[name] for name in ("executor", "coordinator", "epoch")}
    return machine.create(CLOSED, {**closed, "round": told["round"]})


def _desk_raise(machine: Machine, contract: Contract, told: Value) -> Value:
    desk = contract.argument
    machine.require(int(told["epoch"]) > int(desk["epoch"]), "nostro:fenced")
    return machine.create(DESK, {**desk, "epoch": told["epoch"]})


# -- settling -----------------------------------------------------------------------------------


def _fence(machine: Machine, contract: Contract, told: Value) -> None:
    """Go on only for the coordinator whose desk it is now."""
    dvp, desk = contract.argument, machine.fetch(DESK, told["desk"]).argument
    same = all(dvp[name] == desk[name] for name in ("executor", "coordinator"))
    machine.require(same, "nostro:content")
    machine.require(desk["epoch"] == told["epoch"], "nostro:fenced")
    machine.require(int(told["epoch"]) >= int(dvp["epoch"]), "nostro:fenced")


def _settle(machine: Machine, contract: Contract, told: Value) -> Value:
    dvp = contract.argument
    machine.require(bool(dvp["deliveries"]) and bool(dvp["payments"]), "nostro:legs")
    return _transfer(machine, contract, told)


def _transfer_leg(machine: Machine, contract: Contract, told: Value) -> Value:
    dvp = contract.argument
    machine.require(bool(dvp["deliveries"]) != bool(dvp["payments"]), "nostro:legs")
    return _transfer(machine, contract, told)


def _transfer(machine: Machine, contract: Contract, told: Value) -> Value:
    """Move what is locked as the legs say, all of it or none."""
    _fence(machine, contract, told)
    dvp = contract.argument
    owed = net([*dvp["deliveries"], *dvp["payments"]])
    for contract_id in dvp["locked"]:
        locked = machine.fetch(HOLDING, contract_id).argument
        payouts = _payouts(locked, owed)
        machine.exercise(HOLDING, contract_id, "Holding_Deliver", {"payouts": payouts})
    machine.require(not any(owed.values()), "nostro:stuck")
    settled = {name: dvp[name] for name in ("executor", "coordinator", "round")}
    return machine.create(SETTLED, {**settled, "epoch": told["epoch"], "dvp": contract.contract_id})


def net(legs: list[Value]) -> dict[Account, int]:
    """Return what each is to receive (more than zero) or to give (less), in the order in which the
    legs name them."""
    owed: dict[Account, int] = {}
    for leg in legs:
        admin, name = leg["instrument"]["admin"], leg["instrument"]["id"]
        amount = int(leg["amount"])
        for party, change in ((leg["sender"], -amount), (leg["receiver"], amount)):
            account = (party, admin, name)
            owed[account] = owed.get(account, 0) + change
    return owed


def _payouts(locked: Value, owed: dict[Account, int]) -> list[Value]:
    """Return whom a locked holding pays, and count it as paid."""
    instrument = (locked["instrument"]["admin"], locked["instrument"]["id"])
    giver = (locked["owner"], *instrument)
    left = min(int(locked["amount"]), max(0, -owed.get(giver, 0)))
    payouts = []
    for account, amount in owed.items():
        paid = min(left, amount)
        if account[1:] == instrument and paid > 0:
            payouts.append({"receiver": account[0], "amount": str(paid)})
            owed[account] -= paid
            owed[giver] += paid
            left -= paid
    return payouts


def _abort(machine: Machine, contract: Contract, told: Value) -> Value:
    _fence(machine, contract, told)
    dvp = contract.argument
    for contract_id in dvp["locked"]:
        machine.exercise(HOLDING, contract_id, "Holding_Unlock", {})
    closed = {name: dvp[name] for name in ("executor", "coordinator", "round")}
    return machine.create(CLOSED, {**closed, "epoch": told["epoch"]})


# -- the templates ------------------------------------------------------------------------------

_mandate = template(
    MANDATE,
    argument=Record("Mandate", _MANDATED),
    signatories=lambda mandate: (mandate["owner"], mandate["executor"]),
    choices=(
        Choice(
            name="Mandate_Join",
            argument=_JOINED,
            consuming=False,
            controllers=lambda mandate, told: (mandate["executor"], *told["joined"]),
            body=_join,
        ),
        Choice(
            name="Mandate_Revoke",
            argument=Record("Mandate_Revoke", {}),
            consuming=True,
            controllers=lambda mandate, _: (mandate["owner"],),
            body=lambda _machine, _contract, _told: UNIT,
        ),
    ),
)

_proposal = template(
    PROPOSAL,
    argument=Record("MandateProposal", _MANDATED),
    signatories=lambda proposal: (proposal["owner"],),
    observers=lambda proposal: (proposal["executor"],),
    choices=(
        Choice(
            name="MandateProposal_Accept",
            argument=Record("MandateProposal_Accept", {}),
            consuming=True,
            controllers=lambda proposal, _: (proposal["executor"],),
            body=lambda machine, contract, _: machine.create(MANDATE, contract.argument),
        ),
    ),
)

_desk = template(
    DESK,
    argument=Record(
        "Desk", {"executor": Plain.PARTY, "coordinator": Plain.TEXT, "epoch": Plain.INT}
    ),
    signatories=lambda desk: (desk["executor"],),
    choices=(
        Choice(
            name="Desk_Hold",
            argument=Record("Desk_Hold", {"order": HOLD_ORDER, "mandates": ListOf(Plain.CONTRACT)}),
            consuming=False,
            controllers=lambda desk, _: (desk["executor"],),
            body=_desk_hold,
        ),
        Choice(
            name="Desk_Close",
            argument=Record("Desk_Close", {"round": Plain.TEXT, "epoch": Plain.INT}),
            consuming=False,
            controllers=lambda desk, _: (desk["executor"],),
            body=_desk_close,
        ),
        Choice(
            name="Desk_Raise",
            argument=Record("Desk_Raise", {"epoch": Plain.INT}),
            consuming=True,
            controllers=lambda desk, _: (desk["executor"],),
            body=_desk_raise,
        ),
    ),
)

_dvp = template(
    DVP,
    argument=Record(
        "DeliveryVersusPayment",
        {
            **_ROUND,
            "participants": ListOf(Plain.PARTY),
            "deliveries": ListOf(LEG),
            "payments": ListOf(LEG),
            "locked": ListOf(Plain.CONTRACT),
        },
    ),
    signatories=lambda dvp: (dvp["executor"], *dvp["participants"]),
    ensure=lambda dvp: bool(dvp["deliveries"] or dvp["payments"]),
    choices=tuple(
        Choice(
            name=name,
            argument=Record(name, _AT_DESK),
            consuming=True,
            controllers=lambda dvp, _: (dvp["executor"],),
            body=body,
        )
        for name, body in (
            ("SettleDeliveryVsPayment", _settle),
            ("TransferLockedLeg", _transfer_leg),
            ("AbortDeliveryVsPayment", _abort),
        )
    ),
)

_settled = template(
    SETTLED,
    argument=Record("SettledRound", {**_ROUND, "dvp": Plain.CONTRACT}),
    signatories=lambda settled: (settled["executor"],),
    choices=(),
)

_closed = template(
    CLOSED,
    argument=Record("ClosedRound", _ROUND),
    signatories=lambda closed: (closed["executor"],),
    choices=(),
)

TEMPLATES = (_mandate, _proposal, _desk, _dvp, _settled, _closed)
