"""What does a request ask the ledger to do, and may its bearer?"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

import msgspec
from msgspec import UNSET

from nostro.adapters.domains.canton_double import shapes
from nostro.adapters.domains.canton_double.books import Created, Exercised, Submission
from nostro.adapters.domains.canton_double.deeds import (
    DEDUPLICATION_MAX_S,
    SECOND_US,
    Deeds,
    Plan,
    assignment_plan,
    digest,
    transaction_plan,
    unassignment_plan,
)
from nostro.adapters.domains.canton_double.errors import Malformed, Refusal
from nostro.adapters.domains.canton_double.identity import Bearer
from nostro.adapters.domains.canton_double.interpreter import Machine, Package, not_found
from nostro.adapters.domains.canton_double.ledger import Ledger
from nostro.adapters.domains.canton_double.values import CONTRACT_ID, PARTY
from nostro.runtime.ports import Clock

LEDGER_STRING = re.compile(r"[A-Za-z0-9#:\-_/ .]{1,255}\Z")
USER_ID = re.compile(r"[a-zA-Z0-9@^$.!`\-#+'~_|:()]{1,128}\Z")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*(?:\.[A-Za-z_$][A-Za-z0-9_$]*)*\Z")
_PACKAGE = re.compile(r"#[A-Za-z0-9\-_]+\Z|[0-9a-f]{64}\Z")


class Preparing:
    """Reads requests against a ledger."""

    def __init__(
        self, ledger: Ledger, deeds: Deeds, *, package: Package, clock: Clock, seed: int
    ) -> None:
        self._ledger = ledger
        self._deeds = deeds
        self._package = package
        self._clock = clock
        self._seed = seed
        self._number = 0

    # -- transactions -------------------------------------------------------------------------

    def transaction(self, bearer: Bearer, commands: shapes.Commands, *, trace: str) -> Plan:
        """Return the plan of a transaction; raises Refusal, Malformed or Unwelcome."""
        for each in commands.commands:
            _step_readable(each)
        _well_formed(commands)
        user = bearer.user_of(commands.user_id)
        bearer.must_act_as(commands.act_as)
        bearer.must_read_as(commands.read_as or ())
        submission = Submission(
            user=user,
            act_as=tuple(sorted(set(commands.act_as))),
            command_id=commands.command_id,
            submission_id=commands.submission_id or self._new("submission", commands.command_id),
            workflow_id=commands.workflow_id or "",
            period_us=self._period_us(commands.deduplication_period),
            trace=trace,
        )
        self._deeds.check(submission)
        return self.interpreted(submission, commands)

    def interpreted(self, submission: Submission, commands: shapes.Commands) -> Plan:
        """Return the plan of commands that may be given; raises Refusal."""
        self._number += 1
        start = f"{self._ledger.end}/{self._number}/{self._clock.now_us()}"
        act_as = frozenset(submission.act_as)
        machine = Machine(
            package=self._package,
            contracts=self._ledger,
            act_as=act_as,
            readers=act_as | frozenset(commands.read_as or ()),
            disclosed=frozenset(self._disclosed(commands.disclosed_contracts or ())),
            new_id=lambda node: f"00{digest(self._seed, 'contract', start, node)}",
        )
        for each in commands.commands:
            self._run(machine, each)
        nodes = tuple(each for each in machine.nodes if each is not None)
        return transaction_plan(
            submission,
            synchronizer=self._synchronizer(machine.used, commands.synchronizer_id or ""),
            used=frozenset(machine.used),
            consumed=frozenset(machine.consumed & machine.used),
            nodes=nodes,
        )

    def _run(self, machine: Machine, step: shapes.Command) -> None:
        if step.create is not UNSET:
            machine.create(self.template(step.create.template_id), step.create.create_arguments)
        elif step.exercise is not UNSET:
            asked = step.exercise
            name = self.template(asked.template_id)
            contract_id = _contract_id(asked.contract_id)
            machine.exercise(name, contract_id, asked.choice, asked.choice_argument)
        elif step.create_and_exercise is not UNSET:
            both = step.create_and_exercise
            name = self.template(both.template_id)
            contract_id = machine.create(name, both.create_arguments)
            machine.exercise(name, contract_id, both.choice, both.choice_argument)
        elif step.exercise_by_key is not UNSET:
            name = self.template(step.exercise_by_key.template_id)
            raise Refusal("COMMAND_PREPROCESSING_FAILED", f"template {name} has no key")

    def template(self, told: str, *, by_name_only: bool = False) -> str:
        """Return which template (Module:Entity) is meant; raises Refusal, Malformed."""
        package, module, entity = split_identifier(told)
        if not (_PACKAGE.match(package) and _NAME.match(module) and _NAME.match(entity)):
            raise Refusal("INVALID_FIELD", f"The submitted request has an invalid field: {told!r}")
        if by_name_only and not package.startswith("#"):
            raise Refusal(
                "INVALID_FIELD", f"Invalid field packageId: {package!r}, expected a package name"
            )
        name = f"{module}:{entity}"
        if package.startswith("#") and package[1:] != self._package.name:
            raise Refusal(
                "PACKAGE_NAMES_NOT_FOUND",
                f"The following package names do not match upgradable packages uploaded on this "
                f"participant: [{package[1:]}].",
            )
        ours = (f"#{self._package.name}", self._package.package_id)
        if package not in ours or name not in self._package.templates:
            raise Refusal(
                "TEMPLATES_OR_INTERFACES_NOT_FOUND",
                f"Templates do not exist: [{told}].",
                resources=[("TEMPLATE_ID", told)],
            )
        return name

    def _synchronizer(self, used: Iterable[str], prescribed: str) -> str:
        """Return where a transaction takes place: where all that it looks at is."""
        if prescribed and not self._deeds.connected(prescribed):
            raise Refusal(
                "INVALID_PRESCRIBED_SYNCHRONIZER_ID",
                f"Invalid prescribed synchronizer id {prescribed}: not connected",
                context={"synchronizer_id": prescribed},
            )
        stays = (self._ledger.lives[each].stay for each in used)
        places = {stay.synchronizer for stay in stays if stay is not None}
        wanted = places | ({prescribed} if prescribed else set())
        if len(wanted) > 1:
            raise Refusal(
                "AUTOMATIC_REASSIGNMENT_FOR_TRANSACTION_FAILED",
                "Automatically reassigning contracts to a common synchronizer failed: they are on "
                f"{sorted(places)}",
            )
        return next(iter(wanted), self._deeds.synchronizers[0])

    def _disclosed(self, told: Iterable[shapes.DisclosedContract]) -> Iterable[str]:
        for each in told:
            contract_id = contract_of_blob(each.created_event_blob)
            if each.contract_id and each.contract_id != contract_id:
                raise Refusal("INVALID_ARGUMENT", "Mismatch of a disclosed contract and its id")
            yield contract_id

    def _period_us(self, told: shapes.DeduplicationPeriod | None) -> int:
        """Return for how long back a command must not have been accepted."""
        if told is not None and told.duration is not UNSET:
            asked = told.duration.value
            if asked.seconds < 0 or asked.nanos < 0:
                raise Refusal("INVALID_FIELD", "Duration must be positive")
            if asked.seconds > DEDUPLICATION_MAX_S:
                raise Refusal(
                    "INVALID_DEDUPLICATION_PERIOD",
                    "The specified deduplication period is too long",
                    context={"longest_duration": f"PT{DEDUPLICATION_MAX_S // 3_600}H"},
                )
            return asked.seconds * SECOND_US + asked.nanos // 1_000
        if told is not None and told.offset is not UNSET:
            return self._since_us(told.offset.value)
        return DEDUPLICATION_MAX_S * SECOND_US

    def _since_us(self, offset: int) -> int:
        if offset < self._ledger.pruned_to or not 0 <= offset <= self._ledger.end:
            raise Refusal(
                "INVALID_DEDUPLICATION_PERIOD",
                "The specified deduplication offset is not available",
                context={"earliest_offset": str(self._ledger.pruned_to)},
            )
        at_us = self._ledger.entries[offset - 1].record_us if offset else -1
        return self._clock.now_us() - at_us - 1

    # -- reassignments ------------------------------------------------------------------------

    def reassignment(
        self, bearer: Bearer, asked: shapes.ReassignmentCommands, *, trace: str
    ) -> Plan:
        """Return the plan of half a reassignment; raises Refusal or Unwelcome."""
        _ledger_string("command_id", asked.command_id)
        if not asked.commands:
            raise Refusal("MISSING_FIELD", _missing("commands"))
        user = bearer.user_of(asked.user_id)
        bearer.must_act_as((asked.submitter,))
        submission = Submission(
            user=user,
            act_as=(asked.submitter,),
            command_id=asked.command_id,
            submission_id=asked.submission_id or self._new("submission", asked.command_id),
            workflow_id=asked.workflow_id or "",
            period_us=DEDUPLICATION_MAX_S * SECOND_US,
            trace=trace,
        )
        steps = [each.command for each in asked.commands if each.command is not None]
        leaving = [each.unassign.value for each in steps if each.unassign is not UNSET]
        arriving = [each.assign.value for each in steps if each.assign is not UNSET]
        routes = {(each.source, each.target) for each in leaving}
        routes |= {(each.source, each.target) for each in arriving}
        if len(leaving) + len(arriving) != len(asked.commands) or len(routes) != 1:
            raise Refusal(
                "INVALID_ARGUMENT", "Reassignment commands must have one source and one target"
            )
        if leaving and arriving:
            raise Refusal("INVALID_ARGUMENT", "Reassignment commands must be all of one kind")
        self._deeds.check(submission)
        ((source, target),) = routes
        if leaving:
            return self._unassignment(submission, leaving, source=source, target=target)
        return self._assignment(submission, arriving, source=source, target=target)

    def _unassignment(
        self,
        submission: Submission,
        leaving: list[shapes.Unassign],
        *,
        source: str,
        target: str,
    ) -> Plan:
        contracts = [_contract_id(each.contract_id) for each in leaving]
        if source == target:
            raise Refusal(
                "INVALID_ARGUMENT",
                f"Cannot unassign contract `{contracts[0]}`: source and target synchronizers are "
                f"the same ({source})",
            )
        self._must_connect(source, target)
        moves = []
        for contract_id in contracts:
            life = self._ledger.lives.get(contract_id)
            if life is None or submission.act_as[0] not in life.created.stakeholders:
                raise not_found(contract_id)
            if life.stay is None or life.stay.synchronizer != source:
                raise Refusal(
                    "INVALID_ARGUMENT",
                    f"Cannot unassign contract `{contract_id}`: it is not active on {source}",
                    resources=[("CONTRACT_ID", contract_id)],
                )
            counter = life.stay.counter + 1
            reassignment_id = f"00{digest(self._seed, 'reassignment', contract_id, counter)}"
            moves.append((reassignment_id, contract_id, counter))
        return unassignment_plan(
            submission, source=source, target=target, reassignments=tuple(moves)
        )

    def _assignment(
        self, submission: Submission, arriving: list[shapes.Assign], *, source: str, target: str
    ) -> Plan:
        self._must_connect(source, target)
        moves = []
        for each in arriving:
            contract_id, left = self._ledger.away.get(each.reassignment_id, ("", None))
            if left is None or (left.synchronizer, left.target) != (source, target):
                raise Refusal(
                    "INVALID_ARGUMENT",
                    f"Cannot assign: reassignment {each.reassignment_id!r} from {source} to "
                    f"{target} is unknown or completed",
                )
            life = self._ledger.lives[contract_id]
            if submission.act_as[0] not in life.created.stakeholders:
                raise not_found(contract_id)
            moves.append((each.reassignment_id, contract_id, life.stays[-1].counter + 1))
        return assignment_plan(submission, source=source, target=target, reassignments=tuple(moves))

    def _must_connect(self, *synchronizers: str) -> None:
        for each in synchronizers:
            if not self._deeds.connected(each):
                raise Refusal(
                    "INVALID_ARGUMENT", f"The participant is not connected to synchronizer {each!r}"
                )

    def _new(self, what: str, about: str) -> str:
        self._number += 1
        return digest(self._seed, what, self._ledger.end, self._number, about)[:32]


def split_identifier(told: str) -> tuple[str, str, str]:
    """Return the package, module and entity of an identifier; raises Malformed."""
    parts = told.split(":")
    if len(parts) != 3 or not all(parts):
        raise Malformed(f"Invalid identifier {told[:80]!r}: expected package:module:entity")
    package, module, entity = parts
    return package, module, entity


def blob_of(created: Created | Exercised) -> str:
    """Return what stands for a contract when it is shown to others."""
    return base64.b64encode(msgspec.json.encode({"contract": created.contract_id})).decode()


def contract_of_blob(blob: str) -> str:
    """Return the contract that a blob stands for; refuses INVALID_ARGUMENT."""
    try:
        told = msgspec.json.decode(base64.b64decode(blob, validate=True), type=dict[str, str])
        return told["contract"]
    except (ValueError, KeyError, msgspec.MsgspecError):
        raise Refusal("INVALID_ARGUMENT", "Unable to decode a disclosed contract") from None


def _step_readable(step: shapes.Command) -> None:
    """Raise Malformed when the template of a step is no identifier at all."""
    for each in (step.create, step.exercise, step.create_and_exercise, step.exercise_by_key):
        if each is not UNSET:
            split_identifier(each.template_id)


def _well_formed(commands: shapes.Commands) -> None:
    if not commands.commands:
        raise Refusal("MISSING_FIELD", _missing("commands"))
    if not commands.act_as:
        raise Refusal("MISSING_FIELD", _missing("act_as"))
    _ledger_string("command_id", commands.command_id)
    for name in ("workflow_id", "submission_id"):
        told = getattr(commands, name)
        if told:
            _ledger_string(name, told)
    if commands.user_id and not USER_ID.match(commands.user_id):
        raise Refusal("INVALID_FIELD", "The submitted command has a field user_id: not a user id")
    for party in (*commands.act_as, *(commands.read_as or ())):
        if not PARTY.match(party):
            raise Refusal(
                "INVALID_ARGUMENT", f"The submitted command has invalid arguments: party {party!r}"
            )


def _ledger_string(name: str, told: str) -> None:
    if not told:
        raise Refusal("MISSING_FIELD", _missing(name))
    if not LEDGER_STRING.match(told):
        raise Refusal(
            "INVALID_FIELD", f"The submitted command has a field with invalid value: {name}"
        )


def _contract_id(told: str) -> str:
    if not CONTRACT_ID.match(told):
        raise Refusal(
            "INVALID_FIELD",
            "The submitted command has a field with invalid value: Invalid field contract_id: "
            f"cannot parse ContractId {told[:80]!r}",
        )
    return told


def _missing(name: str) -> str:
    return f"The submitted command is missing a mandatory field: {name}"
