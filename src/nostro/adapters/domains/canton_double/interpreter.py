"""What does a transaction do: which contracts does it create, exercise and archive, and may it?

The rules of Daml, for templates that are written in Python (holdings.py, rounds.py): a choice needs
the authority of its controllers, its body has theirs and that of the contract's signatories; a new
contract needs that of its signatories; a contract that the submitters do not see does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from nostro.adapters.domains.canton_double.books import Created, Exercised
from nostro.adapters.domains.canton_double.errors import Refusal
from nostro.adapters.domains.canton_double.values import Record, Value, of_type

DEPTH_MAX = 200
NODES_MAX = 20_000
UNIT: dict[str, Value] = {}


@dataclass(frozen=True)
class Choice:
    """What can be done with a contract. `controllers` of (contract's argument, choice's argument);
    `body` returns the result."""

    name: str
    argument: Record
    consuming: bool
    controllers: Callable[[Value, Value], Iterable[str]]
    body: Callable[[Machine, Contract, Value], Value]


@dataclass(frozen=True)
class Template:
    """What contracts of one kind say, who has signed them, and what can be done with them."""

    name: str
    """Module:Entity."""
    argument: Record
    signatories: Callable[[Value], Iterable[str]]
    observers: Callable[[Value], Iterable[str]]
    ensure: Callable[[Value], bool]
    choices: Mapping[str, Choice]


@dataclass(frozen=True)
class Package:
    """Templates that belong together."""

    name: str
    package_id: str
    templates: Mapping[str, Template]


@dataclass(frozen=True)
class Contract:
    """A contract that the machine has in its hands."""

    contract_id: str
    template: Template
    argument: Value
    signatories: frozenset[str]
    stakeholders: frozenset[str]


class Contracts(Protocol):
    """The contracts that are active now."""

    def active(self, contract_id: str) -> Created | None:
        """Return a contract, None when it is not active (any more, or here)."""
        ...


ARCHIVE = "Archive"


@dataclass
class _Frame:
    """Where the machine is: whose authority it has, and who watches."""

    authority: frozenset[str]
    witnesses: frozenset[str]
    depth: int = 0


@dataclass
class Machine:
    """One transaction in the making. `readers` are actAs and readAs together; `disclosed` are
    contracts that were shown to them by others."""

    package: Package
    contracts: Contracts
    act_as: frozenset[str]
    readers: frozenset[str]
    disclosed: frozenset[str]
    new_id: Callable[[int], str]
    nodes: list[Created | Exercised | None] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    """Contracts of the ledger that it looks at."""
    consumed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._frame = _Frame(self.act_as, frozenset())
        self._made: dict[str, Contract] = {}

    # -- what bodies can do -------------------------------------------------------------------

    def create(self, name: str, argument: Value) -> str:
        """Create a contract and return its id."""
        template = self.package.templates[name]
        argument = self._typed(argument, template.argument)
        signatories = frozenset(template.signatories(argument))
        observers = frozenset(template.observers(argument)) - signatories
        self._authorised(signatories, f"create of {name}")
        self.require(bool(signatories) and template.ensure(argument), "Template precondition")
        node_id = self._next_node()
        contract_id = self.new_id(node_id)
        stakeholders = signatories | observers
        self._made[contract_id] = Contract(
            contract_id, template, argument, signatories, stakeholders
        )
        self.nodes[node_id] = Created(
            node_id=node_id,
            contract_id=contract_id,
            template=name,
            argument=argument,
            signatories=tuple(sorted(signatories)),
            observers=tuple(sorted(observers)),
            witnesses=tuple(sorted(stakeholders | self._frame.witnesses)),
        )
        return contract_id

    def fetch(self, name: str, contract_id: str) -> Contract:
        """Return an active contract of this template."""
        contract = self._find(name, contract_id)
        if contract.stakeholders.isdisjoint(self._frame.authority):
            raise _unauthorised(f"fetch of {name}", contract.stakeholders, self._frame.authority)
        return contract

    def exercise(self, name: str, contract_id: str, choice_name: str, argument: Value) -> Value:
        """Exercise a choice and return its result."""
        contract = self._find(name, contract_id)
        choice = _choice(contract.template, choice_name)
        argument = self._typed(argument, choice.argument)
        controllers = frozenset(choice.controllers(contract.argument, argument))
        self._authorised(controllers, f"exercise of {choice_name} on {name}")
        if choice.consuming:
            self.consumed.add(contract_id)
        outer, node_id = self._frame, self._next_node()
        informees = contract.stakeholders if choice.consuming else contract.signatories
        witnesses = informees | controllers | outer.witnesses
        authority = contract.signatories | controllers
        self._frame = _Frame(authority, witnesses, outer.depth + 1)
        self.require(self._frame.depth <= DEPTH_MAX, "too deep")
        result = choice.body(self, contract, argument)
        self._frame = outer
        self.nodes[node_id] = Exercised(
            node_id=node_id,
            contract_id=contract_id,
            template=name,
            choice=choice_name,
            argument=argument,
            result=result,
            acting=tuple(sorted(controllers)),
            consuming=choice.consuming,
            stakeholders=tuple(sorted(contract.stakeholders)),
            witnesses=tuple(sorted(witnesses)),
            last_descendant=len(self.nodes) - 1,
        )
        return result

    def require(self, condition: bool, message: str) -> None:
        """Go on only if; refuses UNHANDLED_EXCEPTION, as a failed assertion of Daml."""
        if not condition:
            raise Refusal(
                "UNHANDLED_EXCEPTION",
                "Interpretation error: Error: Unhandled Daml exception: "
                f'DA.Exception.AssertionFailed:AssertionFailed {{ message = "{message}" }}',
            )

    def _typed(self, argument: Value, wanted: Record) -> Value:
        """Return an argument in the form that is kept; what bodies say has it already."""
        return argument if self._frame.depth else of_type(argument, wanted)

    # -- what it looks at ---------------------------------------------------------------------

    def _find(self, name: str, contract_id: str) -> Contract:
        if contract_id in self.consumed:
            raise Refusal(
                "CONTRACT_NOT_ACTIVE",
                f"Interpretation error: Error: Update failed due to fetch of an inactive contract "
                f"{contract_id}",
                resources=[("CONTRACT_ID", contract_id)],
            )
        made = self._made.get(contract_id)
        contract = made if made is not None else self._from_ledger(contract_id)
        if contract.template.name != name:
            raise Refusal(
                "WRONGLY_TYPED_CONTRACT",
                f"Interpretation error: Error: contract {contract_id} is no {name}",
                resources=[("CONTRACT_ID", contract_id)],
            )
        return contract

    def _from_ledger(self, contract_id: str) -> Contract:
        told = self.contracts.active(contract_id)
        if told is None or not self._visible(told):
            raise not_found(contract_id)
        self.used.add(contract_id)
        return Contract(
            contract_id,
            self.package.templates[told.template],
            told.argument,
            frozenset(told.signatories),
            told.stakeholders,
        )

    def _visible(self, told: Created) -> bool:
        if told.contract_id in self.disclosed:
            return True
        return not told.stakeholders.isdisjoint(self.readers)

    def _authorised(self, needed: frozenset[str], what: str) -> None:
        if not needed <= self._frame.authority:
            raise _unauthorised(what, needed, self._frame.authority)

    def _next_node(self) -> int:
        if len(self.nodes) >= NODES_MAX:
            raise Refusal("INVALID_ARGUMENT", "The transaction is too large")
        self.nodes.append(None)
        return len(self.nodes) - 1


def not_found(contract_id: str) -> Refusal:
    """Return what is said of a contract that is not there, or not for the one who asks."""
    return Refusal(
        "CONTRACT_NOT_FOUND",
        f"Contract could not be found with id {contract_id}",
        resources=[("CONTRACT_ID", contract_id)],
    )


def archive_of(signatories: Callable[[Value], Iterable[str]]) -> Choice:
    """Return the choice that every template has: its signatories together may archive it."""
    return Choice(
        name=ARCHIVE,
        argument=Record(ARCHIVE, {}),
        consuming=True,
        controllers=lambda argument, _: signatories(argument),
        body=lambda _machine, _contract, _argument: UNIT,
    )


def template(
    name: str,
    *,
    argument: Record,
    signatories: Callable[[Value], Iterable[str]],
    choices: Iterable[Choice],
    observers: Callable[[Value], Iterable[str]] = lambda _: (),
    ensure: Callable[[Value], bool] = lambda _: True,
) -> Template:
    """Return a template with these choices, and Archive."""
    known = {each.name: each for each in (*choices, archive_of(signatories))}
    return Template(name, argument, signatories, observers, ensure, known)


def _choice(of: Template, name: str) -> Choice:
    choice = of.choices.get(name)
    if choice is None:
        raise Refusal(
            "COMMAND_PREPROCESSING_FAILED", f"Template {of.name} does not have the choice {name}"
        )
    return choice


def _unauthorised(what: str, needed: frozenset[str], had: frozenset[str]) -> Refusal:
    missing = ", ".join(sorted(needed - had)) or ", ".join(sorted(needed))
    return Refusal(
        "DAML_AUTHORIZATION_ERROR",
        f"Interpretation error: Error: {what} requires authorizers {', '.join(sorted(needed))}, "
        f"but only {', '.join(sorted(had))} were given; missing: {missing}",
    )
