"""What may a request say, field by field?

The shapes of the JSON Ledger API, as far as this participant serves it. The published description
does not say that other fields are refused; the participant refuses them, and so do these.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A JSON object of the API; absent and null are the same."""


class OneOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A JSON object of exactly one member, whose name says which of several shapes it has."""

    def __post_init__(self) -> None:
        told = [name for name in self.__struct_fields__ if getattr(self, name) is not UNSET]
        if len(told) != 1:
            raise ValueError(f"one of {', '.join(self.__struct_encode_fields__)} is expected")


class Nothing(Shape, frozen=True):
    """An empty object."""


class Duration(Shape, frozen=True):
    """A span of time."""

    seconds: Int64
    nanos: Int32
    unknown_fields: Any = None


class DurationValue(Shape, frozen=True):
    """A duration, wrapped."""

    value: Duration


class OffsetValue(Shape, frozen=True):
    """An offset, wrapped."""

    value: Int64


class DeduplicationPeriod(
    OneOf,
    frozen=True,
    rename={
        "duration": "DeduplicationDuration",
        "offset": "DeduplicationOffset",
        "nothing": "Empty",
    },
):
    """Since when a command must not have been accepted."""

    duration: DurationValue | UnsetType = UNSET
    offset: OffsetValue | UnsetType = UNSET
    nothing: Nothing | UnsetType = UNSET


class Create(Shape, frozen=True):
    """To create a contract."""

    template_id: str
    create_arguments: Any


class Exercise(Shape, frozen=True):
    """To exercise a choice of a contract."""

    template_id: str
    contract_id: str
    choice: str
    choice_argument: Any


class ExerciseByKey(Shape, frozen=True):
    """To exercise a choice of the contract that has a key."""

    template_id: str
    contract_key: Any
    choice: str
    choice_argument: Any


class CreateAndExercise(Shape, frozen=True):
    """To create a contract and exercise a choice of it."""

    template_id: str
    create_arguments: Any
    choice: str
    choice_argument: Any


class Command(
    OneOf,
    frozen=True,
    rename={
        "create": "CreateCommand",
        "exercise": "ExerciseCommand",
        "create_and_exercise": "CreateAndExerciseCommand",
        "exercise_by_key": "ExerciseByKeyCommand",
    },
):
    """One step of a transaction."""

    create: Create | UnsetType = UNSET
    exercise: Exercise | UnsetType = UNSET
    create_and_exercise: CreateAndExercise | UnsetType = UNSET
    exercise_by_key: ExerciseByKey | UnsetType = UNSET


class DisclosedContract(Shape, frozen=True):
    """A contract that the submitter was shown by another."""

    created_event_blob: str
    template_id: str | None = None
    contract_id: str | None = None
    synchronizer_id: str | None = None


class PrefetchContractKey(Shape, frozen=True):
    """A key that is to be looked up in advance."""

    template_id: str
    contract_key: Any
    limit: Int32 | None = None


class Commands(Shape, frozen=True):
    """A transaction to be made."""

    commands: list[Command]
    command_id: str
    act_as: list[str]
    user_id: str | None = None
    read_as: list[str] | None = None
    workflow_id: str | None = None
    deduplication_period: DeduplicationPeriod | None = None
    min_ledger_time_abs: str | None = None
    min_ledger_time_rel: Duration | None = None
    submission_id: str | None = None
    disclosed_contracts: list[DisclosedContract] | None = None
    synchronizer_id: str | None = None
    package_id_selection_preference: list[str] | None = None
    prefetch_contract_keys: list[PrefetchContractKey] | None = None
    taps_max_passes: Int32 | None = None


class TemplateFilter(Shape, frozen=True):
    """Contracts of one template."""

    template_id: str
    include_created_event_blob: bool = False


class InterfaceFilter(Shape, frozen=True):
    """Contracts that have one interface."""

    interface_id: str
    include_interface_view: bool = False
    include_created_event_blob: bool = False


class WildcardFilter(Shape, frozen=True):
    """Contracts of every template."""

    include_created_event_blob: bool = False


class TemplateFilterValue(Shape, frozen=True):
    """Wrapped."""

    value: TemplateFilter


class InterfaceFilterValue(Shape, frozen=True):
    """Wrapped."""

    value: InterfaceFilter


class WildcardFilterValue(Shape, frozen=True):
    """Wrapped."""

    value: WildcardFilter


class IdentifierFilter(
    OneOf,
    frozen=True,
    rename={
        "nothing": "Empty",
        "interface": "InterfaceFilter",
        "template": "TemplateFilter",
        "wildcard": "WildcardFilter",
    },
):
    """Which contracts are meant."""

    nothing: Nothing | UnsetType = UNSET
    interface: InterfaceFilterValue | UnsetType = UNSET
    template: TemplateFilterValue | UnsetType = UNSET
    wildcard: WildcardFilterValue | UnsetType = UNSET


class CumulativeFilter(Shape, frozen=True):
    """One of several filters, any of which lets a contract through."""

    identifier_filter: IdentifierFilter | None = None


class Filters(Shape, frozen=True):
    """Several filters; none lets everything through."""

    cumulative: list[CumulativeFilter] | None = None


class TransactionFilter(Shape, frozen=True):
    """The older form of an event format."""

    filters_by_party: dict[str, Filters] | None = None
    filters_for_any_party: Filters | None = None


class EventFormat(Shape, frozen=True):
    """Which events are told, and to whom."""

    filters_by_party: dict[str, Filters] | None = None
    filters_for_any_party: Filters | None = None
    verbose: bool = False


class TransactionFormat(Shape, frozen=True):
    """How a transaction is told."""

    event_format: EventFormat
    transaction_shape: str


class ParticipantAuthorizationFormat(Shape, frozen=True):
    """Which parties' hosting is told."""

    parties: list[str] | None = None


class TopologyFormat(Shape, frozen=True):
    """Whether it is told who is hosted."""

    include_participant_authorization_events: ParticipantAuthorizationFormat | None = None


class UpdateFormat(Shape, frozen=True):
    """Which updates are told, and how."""

    include_transactions: TransactionFormat | None = None
    include_reassignments: EventFormat | None = None
    include_topology_events: TopologyFormat | None = None


class SubmitForTransaction(Shape, frozen=True):
    """A transaction to be made, and how it is to be told."""

    commands: Commands
    transaction_format: TransactionFormat | None = None


class Unassign(Shape, frozen=True):
    """To take a contract off its synchronizer."""

    contract_id: str
    source: str
    target: str


class Assign(Shape, frozen=True):
    """To put a contract on its next synchronizer."""

    reassignment_id: str
    source: str
    target: str


class UnassignValue(Shape, frozen=True):
    """Wrapped."""

    value: Unassign


class AssignValue(Shape, frozen=True):
    """Wrapped."""

    value: Assign


class ReassignmentStep(
    OneOf,
    frozen=True,
    rename={"unassign": "UnassignCommand", "assign": "AssignCommand", "nothing": "Empty"},
):
    """One half of a reassignment."""

    unassign: UnassignValue | UnsetType = UNSET
    assign: AssignValue | UnsetType = UNSET
    nothing: Nothing | UnsetType = UNSET


class ReassignmentCommand(Shape, frozen=True):
    """Wrapped."""

    command: ReassignmentStep | None = None


class ReassignmentCommands(Shape, frozen=True):
    """A reassignment to be made."""

    command_id: str
    submitter: str
    commands: list[ReassignmentCommand]
    workflow_id: str | None = None
    user_id: str | None = None
    submission_id: str | None = None


class SubmitReassignment(Shape, frozen=True):
    """A reassignment, not waited for."""

    reassignment_commands: ReassignmentCommands


class SubmitForReassignment(Shape, frozen=True):
    """A reassignment, and how it is to be told; not at all without a format."""

    reassignment_commands: ReassignmentCommands
    event_format: EventFormat | None = None


class CompletionStream(Shape, frozen=True):
    """What became of the commands of some parties."""

    parties: list[str]
    user_id: str | None = None
    begin_exclusive: Int64 = 0


class CommandCompletions(Shape, frozen=True):
    """What became of the commands of some parties, or of all."""

    parties: list[str] | None = None
    begin_exclusive: Int64 = 0


class ActiveContracts(Shape, frozen=True):
    """Which contracts are active at an offset."""

    active_at_offset: Int64
    filter: TransactionFilter | None = None
    verbose: bool = False
    event_format: EventFormat | None = None
    stream_continuation_token: str | None = None


class ActiveContractsPage(Shape, frozen=True):
    """Which contracts are active at an offset, a page at a time."""

    event_format: EventFormat
    active_at_offset: Int64 | None = None
    max_page_size: Int32 | None = None
    page_token: str | None = None


class Updates(Shape, frozen=True):
    """What happened between two offsets."""

    begin_exclusive: Int64
    end_inclusive: Int64 | None = None
    filter: TransactionFilter | None = None
    verbose: bool = False
    update_format: UpdateFormat | None = None
    descending_order: bool = False


class UpdatesPage(Shape, frozen=True):
    """What happened between two offsets, a page at a time."""

    update_format: UpdateFormat
    begin_offset_exclusive: Int64 | None = None
    end_offset_inclusive: Int64 | None = None
    max_page_size: Int32 | None = None
    descending_order: bool = False
    page_token: str | None = None


class UpdateByOffset(Shape, frozen=True):
    """What happened at an offset."""

    offset: Int64
    update_format: UpdateFormat


class UpdateById(Shape, frozen=True):
    """What happened in an update."""

    update_id: str
    update_format: UpdateFormat


class EventsByContractId(Shape, frozen=True):
    """How a contract began and ended."""

    contract_id: str
    event_format: EventFormat


class ContractById(Shape, frozen=True):
    """What a contract says."""

    contract_id: str
    querying_parties: list[str] | None = None
