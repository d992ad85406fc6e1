"""In which shapes is Canton's JSON Ledger API v2 (release 3.5) asked?

Only what this adapter asks; what it is told is in answers.py. Where the API
says "one of", it sends an object with a single key: such a struct here has one field that is set.
Offsets are JSON numbers and belong to one participant; numbers inside payloads are strings.
Source: the published OpenAPI description, version 3.5.14, and the names are those that it uses.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

ACS_DELTA: Final = "TRANSACTION_SHAPE_ACS_DELTA"
"""Transactions as what they create and archive."""


class Said(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is sent or read; a field that is left at its default is not sent."""


# What is submitted


class CreateCommand(Said, frozen=True, kw_only=True):
    """To create a contract; `template_id` is `#package-name:Module:Template`."""

    template_id: str
    create_arguments: dict[str, Any]


class ExerciseCommand(Said, frozen=True, kw_only=True):
    """To exercise a choice on a contract."""

    template_id: str
    contract_id: str
    choice: str
    choice_argument: dict[str, Any]


class LedgerCommand(
    Said,
    frozen=True,
    kw_only=True,
    rename={"create": "CreateCommand", "exercise": "ExerciseCommand"}.get,
):
    """One of two commands."""

    create: CreateCommand | UnsetType = UNSET
    exercise: ExerciseCommand | UnsetType = UNSET


class Duration(Said, frozen=True, kw_only=True, omit_defaults=False):
    """A span of time."""

    seconds: int
    nanos: int = 0


class _DurationValue(Said, frozen=True, kw_only=True):
    value: Duration


class DeduplicationPeriod(
    Said, frozen=True, kw_only=True, rename={"duration": "DeduplicationDuration"}.get
):
    """For how long back an accepted command of the same change id refuses this one."""

    duration: _DurationValue

    @classmethod
    def of(cls, seconds: int) -> DeduplicationPeriod:
        """Return a period of so many seconds."""
        return cls(duration=_DurationValue(value=Duration(seconds=seconds)))


class Commands(Said, frozen=True, kw_only=True):
    """Commands of one transaction. Their change id is (user, set of `act_as`, command id);
    `submission_id` names this try alone."""

    commands: tuple[LedgerCommand, ...]
    command_id: str
    act_as: tuple[str, ...]
    user_id: str | UnsetType = UNSET
    read_as: tuple[str, ...] = ()
    workflow_id: str | UnsetType = UNSET
    submission_id: str | UnsetType = UNSET
    deduplication_period: DeduplicationPeriod | UnsetType = UNSET
    synchronizer_id: str | UnsetType = UNSET


# What is to be told


class _TemplateChoice(Said, frozen=True, kw_only=True):
    template_id: str
    include_created_event_blob: bool = False


class _TemplateValue(Said, frozen=True, kw_only=True):
    value: _TemplateChoice


class _IdentifierFilter(Said, frozen=True, kw_only=True, rename={"template": "TemplateFilter"}.get):
    template: _TemplateValue


class CumulativeFilter(Said, frozen=True, kw_only=True):
    """Contracts of one template."""

    identifier_filter: _IdentifierFilter

    @classmethod
    def of(cls, template_id: str) -> CumulativeFilter:
        """Return the filter of a template."""
        chosen = _TemplateChoice(template_id=template_id)
        return cls(identifier_filter=_IdentifierFilter(template=_TemplateValue(value=chosen)))


class Filters(Said, frozen=True, kw_only=True):
    """What one party is to be told: what any of these lets through; empty: everything."""

    cumulative: tuple[CumulativeFilter, ...] = ()


class EventFormat(Said, frozen=True, kw_only=True, omit_defaults=False):
    """Which events are told, and how fully."""

    filters_by_party: dict[str, Filters]
    verbose: bool = False


class TransactionFormat(Said, frozen=True, kw_only=True):
    """Which events of transactions are told, in which shape."""

    transaction_shape: str
    event_format: EventFormat


class UpdateFormat(Said, frozen=True, kw_only=True):
    """Which updates are told."""

    include_transactions: TransactionFormat | UnsetType = UNSET
    include_reassignments: EventFormat | UnsetType = UNSET


def told_of(templates: dict[str, tuple[str, ...]]) -> EventFormat:
    """Return the format that tells each party's contracts of its templates."""
    return EventFormat(
        filters_by_party={
            party: Filters(cumulative=tuple(CumulativeFilter.of(each) for each in ids))
            for party, ids in templates.items()
        }
    )


class SubmitForTransaction(Said, frozen=True, kw_only=True):
    """Body of submit-and-wait-for-transaction."""

    commands: Commands
    transaction_format: TransactionFormat | UnsetType = UNSET


class ActiveContractsRequest(Said, frozen=True, kw_only=True):
    """Body of active-contracts."""

    active_at_offset: int
    event_format: EventFormat


class ActiveContractsPageRequest(Said, frozen=True, kw_only=True):
    """Body of active-contracts-page."""

    event_format: EventFormat
    active_at_offset: int | UnsetType = UNSET
    max_page_size: int | UnsetType = UNSET
    page_token: str | UnsetType = UNSET


class UpdatesRequest(Said, frozen=True, kw_only=True):
    """Body of updates. Both ends are named: an open one waits for what is to come."""

    begin_exclusive: int
    end_inclusive: int
    update_format: UpdateFormat


class UpdatesPageRequest(Said, frozen=True, kw_only=True):
    """Body of get-updates-page; every page of a listing names the same ends."""

    begin_offset_exclusive: int
    end_offset_inclusive: int
    update_format: UpdateFormat
    max_page_size: int | UnsetType = UNSET
    page_token: str | UnsetType = UNSET


class UpdateByOffset(Said, frozen=True, kw_only=True):
    """Body of update-by-offset."""

    offset: int
    update_format: UpdateFormat


class UpdateById(Said, frozen=True, kw_only=True):
    """Body of update-by-id."""

    update_id: str
    update_format: UpdateFormat


class CompletionsRequest(Said, frozen=True, kw_only=True):
    """Body of completions."""

    parties: tuple[str, ...]
    begin_exclusive: int
    user_id: str | UnsetType = UNSET


class EventsByContractId(Said, frozen=True, kw_only=True):
    """Body of events-by-contract-id."""

    contract_id: str
    event_format: EventFormat


class ContractById(Said, frozen=True, kw_only=True):
    """Body of contract-by-id."""

    contract_id: str
    querying_parties: tuple[str, ...] = ()


# Reassignment: a contract goes from one synchronizer to another in two transactions


class Unassign(Said, frozen=True, kw_only=True):
    """To take a contract off its synchronizer."""

    contract_id: str
    source: str
    target: str


class Assign(Said, frozen=True, kw_only=True):
    """To bring a contract that was taken off to where it was to go."""

    reassignment_id: str
    source: str
    target: str


class _UnassignValue(Said, frozen=True, kw_only=True):
    value: Unassign


class _AssignValue(Said, frozen=True, kw_only=True):
    value: Assign


class _ReassignmentStep(
    Said,
    frozen=True,
    kw_only=True,
    rename={"unassign": "UnassignCommand", "assign": "AssignCommand"}.get,
):
    unassign: _UnassignValue | UnsetType = UNSET
    assign: _AssignValue | UnsetType = UNSET


class ReassignmentCommand(Said, frozen=True, kw_only=True):
    """One of two steps."""

    command: _ReassignmentStep

    @classmethod
    def of(cls, step: Unassign | Assign) -> ReassignmentCommand:
        """Return the command of a step."""
        if isinstance(step, Unassign):
            return cls(command=_ReassignmentStep(unassign=_UnassignValue(value=step)))
        return cls(command=_ReassignmentStep(assign=_AssignValue(value=step)))


class ReassignmentCommands(Said, frozen=True, kw_only=True):
    """Steps of one submission, by one party that has a stake in the contract."""

    command_id: str
    submitter: str
    commands: tuple[ReassignmentCommand, ...]
    user_id: str | UnsetType = UNSET
    submission_id: str | UnsetType = UNSET


class SubmitForReassignment(Said, frozen=True, kw_only=True):
    """Body of submit-and-wait-for-reassignment; without a format no events come back."""

    reassignment_commands: ReassignmentCommands
    event_format: EventFormat | UnsetType = UNSET
