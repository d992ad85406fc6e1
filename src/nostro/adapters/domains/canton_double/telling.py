"""How is what stands in the books told: which events, to whom, in which JSON?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import UNSET

from nostro.adapters.domains.canton_double import shapes
from nostro.adapters.domains.canton_double.books import (
    Assigned,
    Completed,
    Created,
    Entry,
    Exercised,
    PartyHosted,
    Rejected,
    Transaction,
    Unassigned,
)
from nostro.adapters.domains.canton_double.errors import CATEGORIES, GRPC, Refusal
from nostro.adapters.domains.canton_double.interpreter import Package
from nostro.adapters.domains.canton_double.ledger import Ledger, Life
from nostro.adapters.domains.canton_double.preparing import blob_of

Json = dict[str, Any]
ACS_DELTA = "TRANSACTION_SHAPE_ACS_DELTA"
LEDGER_EFFECTS = "TRANSACTION_SHAPE_LEDGER_EFFECTS"
EXCLUSIVE_S = 60
"""For how long after an unassignment only its submitter may assign."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Match:
    """Which templates one filter lets through (None: all), and whether with their blobs."""

    templates: frozenset[str] | None
    blobs: frozenset[str]
    all_blobs: bool

    def takes(self, template: str) -> bool:
        """Tell whether a contract of this template is let through."""
        return self.templates is None or template in self.templates

    def blob(self, template: str) -> bool:
        """Tell whether it is told with its blob."""
        return self.all_blobs or template in self.blobs


@dataclass(frozen=True)
class View:
    """An event format, understood: what each party sees, and what anybody does."""

    by_party: dict[str, Match]
    anybody: Match | None

    def witnesses(self, of: Iterable[str], template: str) -> list[str]:
        """Return for whom of these an event of this template is told, sorted."""
        told = []
        for party in sorted(set(of)):
            own = self.by_party.get(party)
            if (own is not None and own.takes(template)) or (
                self.anybody is not None and self.anybody.takes(template)
            ):
                told.append(party)
        return told

    def with_blob(self, of: Iterable[str], template: str) -> bool:
        """Tell whether a contract is told with its blob."""
        matches = [self.by_party[party] for party in of if party in self.by_party]
        if self.anybody is not None:
            matches.append(self.anybody)
        return any(each.takes(template) and each.blob(template) for each in matches)

    def concerns(self, parties: Iterable[str]) -> bool:
        """Tell whether one of these parties is asked about."""
        return self.anybody is not None or not self.by_party.keys().isdisjoint(parties)


def view_of(
    told: shapes.EventFormat | shapes.TransactionFilter, template_of: Callable[[str], str]
) -> View:
    """Return an event format, understood; raises Refusal and what `template_of` raises."""
    by_party, anybody = told.filters_by_party or {}, told.filters_for_any_party
    if not by_party and anybody is None:
        raise Refusal(
            "INVALID_ARGUMENT",
            "filtersByParty and filtersForAnyParty cannot be empty simultaneously",
        )
    return View(
        {party: _match(each, template_of) for party, each in by_party.items()},
        None if anybody is None else _match(anybody, template_of),
    )


def _match(filters: shapes.Filters, template_of: Callable[[str], str]) -> Match:
    told = [each.identifier_filter for each in filters.cumulative or ()]
    templates, blobs, everything, all_blobs = set(), set(), not told, False
    for each in told:
        if each is None or each.nothing is not UNSET:
            everything = True
        elif each.wildcard is not UNSET:
            everything = True
            all_blobs |= each.wildcard.value.include_created_event_blob
        elif each.template is not UNSET:
            name = template_of(each.template.value.template_id)
            templates.add(name)
            if each.template.value.include_created_event_blob:
                blobs.add(name)
        elif each.interface is not UNSET:
            template_of(each.interface.value.interface_id)  # no interface is implemented here
            raise Refusal(
                "TEMPLATES_OR_INTERFACES_NOT_FOUND",
                f"Interfaces do not exist: [{each.interface.value.interface_id}].",
            )
    return Match(None if everything else frozenset(templates), frozenset(blobs), all_blobs)


class Teller:
    """Tells entries of a ledger as JSON."""

    def __init__(self, ledger: Ledger, package: Package) -> None:
        self._ledger = ledger
        self._package = package

    # -- events -------------------------------------------------------------------------------

    def created(self, life: Life, view: View, *, everybody: bool = False) -> Json | None:
        """Return a contract's beginning, None when it is not for this view. `everybody`: for all
        who witnessed it, not only for those who see the contract."""
        return self._created(
            life.created, life.transaction, view, everybody=everybody, offset=None, counter=0
        )

    def _created(
        self,
        node: Created,
        transaction: Transaction,
        view: View,
        *,
        everybody: bool,
        offset: int | None,
        counter: int,
    ) -> Json | None:
        witnesses = view.witnesses(
            node.witnesses if everybody else node.stakeholders, node.template
        )
        if not witnesses:
            return None
        told: Json = {
            "offset": transaction.offset if offset is None else offset,
            "nodeId": node.node_id if not counter else 0,
            "contractId": node.contract_id,
            "templateId": self._identifier(node.template),
            "createArgument": node.argument,
            "witnessParties": witnesses,
            "signatories": list(node.signatories),
            "observers": list(node.observers),
            "createdAt": moment(transaction.record_us),
            "packageName": self._package.name,
            "representativePackageId": self._package.package_id,
            "acsDelta": not node.stakeholders.isdisjoint(witnesses),
        }
        if view.with_blob(witnesses, node.template):
            told["createdEventBlob"] = blob_of(node)
        return told

    def archived(self, life: Life, view: View) -> Json | None:
        """Return a contract's end, None when it has none or it is not for this view."""
        if life.archived is None:
            return None
        transaction, node = life.archived
        return self._archived(node, transaction, view)

    def _archived(self, node: Exercised, transaction: Transaction, view: View) -> Json | None:
        witnesses = view.witnesses(node.stakeholders, node.template)
        if not witnesses:
            return None
        return {
            "offset": transaction.offset,
            "nodeId": node.node_id,
            "contractId": node.contract_id,
            "templateId": self._identifier(node.template),
            "witnessParties": witnesses,
            "packageName": self._package.name,
        }

    def _exercised(self, node: Exercised, transaction: Transaction, view: View) -> Json | None:
        witnesses = view.witnesses(node.witnesses, node.template)
        if not witnesses:
            return None
        return {
            "offset": transaction.offset,
            "nodeId": node.node_id,
            "contractId": node.contract_id,
            "templateId": self._identifier(node.template),
            "choice": node.choice,
            "choiceArgument": node.argument,
            "actingParties": list(node.acting),
            "consuming": node.consuming,
            "witnessParties": witnesses,
            "lastDescendantNodeId": node.last_descendant,
            "exerciseResult": node.result,
            "packageName": self._package.name,
            "acsDelta": node.consuming and not set(node.stakeholders).isdisjoint(witnesses),
        }

    # -- updates ------------------------------------------------------------------------------

    def transaction(self, entry: Transaction, view: View, shape: str) -> Json:
        """Return a transaction, with the events that are for this view."""
        events = self._effects(entry, view) if shape == LEDGER_EFFECTS else self._delta(entry, view)
        return {**self._update(entry, view), "effectiveAt": moment(entry.record_us)} | {
            "events": events
        }

    def _delta(self, entry: Transaction, view: View) -> list[Json]:
        made = {node.contract_id for node in entry.nodes if isinstance(node, Created)}
        ended = {
            node.contract_id
            for node in entry.nodes
            if isinstance(node, Exercised) and node.consuming
        }
        events = []
        for node in entry.nodes:
            if isinstance(node, Created):
                if node.contract_id not in ended:
                    told = self._created(node, entry, view, everybody=False, offset=None, counter=0)
                    events += [] if told is None else [{"CreatedEvent": told}]
            elif node.consuming and node.contract_id not in made:
                told = self._archived(node, entry, view)
                events += [] if told is None else [{"ArchivedEvent": told}]
        return events

    def _effects(self, entry: Transaction, view: View) -> list[Json]:
        events = []
        for node in entry.nodes:
            if isinstance(node, Created):
                told = self._created(node, entry, view, everybody=True, offset=None, counter=0)
                events += [] if told is None else [{"CreatedEvent": told}]
            else:
                told = self._exercised(node, entry, view)
                events += [] if told is None else [{"ExercisedEvent": told}]
        return events

    def reassignment(self, entry: Unassigned | Assigned, view: View | None) -> Json:
        """Return half a reassignment; no view, no events."""
        events: list[Json] = []
        for place, (reassignment_id, contract_id, counter) in enumerate(entry.reassignments):
            life = self._ledger.lives[contract_id]
            told: Json | None = None
            if view is None:
                continue
            if isinstance(entry, Unassigned):
                told = self.unassigned(life, entry, view, place=place)
                events += [] if told is None else [{"JsUnassignedEvent": {"value": told}}]
                continue
            told = self._created(
                life.created,
                life.transaction,
                view,
                everybody=False,
                offset=entry.offset,
                counter=counter,
            )
            if told is not None:
                event = {
                    "source": entry.source,
                    "target": entry.synchronizer,
                    "reassignmentId": reassignment_id,
                    "submitter": entry.submission.act_as[0],
                    "reassignmentCounter": counter,
                    "createdEvent": {**told, "nodeId": place},
                }
                events.append({"JsAssignmentEvent": event})
        return {**self._update(entry, view), "events": events}

    def unassigned(
        self, life: Life, entry: Unassigned, view: View, *, place: int = 0
    ) -> Json | None:
        """Return how a contract left its synchronizer, None when it is not for this view."""
        node = life.created
        witnesses = view.witnesses(node.stakeholders, node.template)
        if not witnesses:
            return None
        reassignment_id, counter = next(
            (reassignment_id, counter)
            for reassignment_id, contract_id, counter in entry.reassignments
            if contract_id == node.contract_id
        )
        return {
            "reassignmentId": reassignment_id,
            "contractId": node.contract_id,
            "templateId": self._identifier(node.template),
            "source": entry.synchronizer,
            "target": entry.target,
            "submitter": entry.submission.act_as[0],
            "reassignmentCounter": counter,
            "assignmentExclusivity": moment(entry.record_us + EXCLUSIVE_S * 1_000_000),
            "witnessParties": witnesses,
            "packageName": self._package.name,
            "offset": entry.offset,
            "nodeId": place,
        }

    def placed(self, life: Life, view: View, *, since: int, counter: int) -> Json | None:
        """Return a contract as it came to where it is, created or assigned, at `since`."""
        return self._created(
            life.created,
            life.transaction,
            view,
            everybody=False,
            offset=since,
            counter=counter,
        )

    def _update(self, entry: Transaction | Unassigned | Assigned, view: View | None) -> Json:
        submission = entry.submission
        told: Json = {
            "updateId": entry.update_id,
            "offset": entry.offset,
            "synchronizerId": entry.synchronizer,
            "recordTime": moment(entry.record_us),
            "commandId": submission.command_id,
            "workflowId": submission.workflow_id,
        }
        if view is not None and not view.concerns(submission.act_as):
            told["commandId"] = ""
        if submission.trace:
            told["traceContext"] = {"traceparent": submission.trace}
        return told

    def topology(self, entry: PartyHosted, participant_id: str) -> Json:
        """Return that a party is hosted here."""
        added = {
            "partyId": entry.party,
            "participantId": participant_id,
            "participantPermission": "PARTICIPANT_PERMISSION_SUBMISSION",
        }
        return {
            "updateId": entry.update_id,
            "offset": entry.offset,
            "synchronizerId": entry.synchronizer,
            "recordTime": moment(entry.record_us),
            "events": [{"event": {"ParticipantAuthorizationAdded": {"value": added}}}],
        }

    # -- completions --------------------------------------------------------------------------

    def completion(self, entry: Completed) -> Json:
        """Return what became of a command."""
        submission = entry.submission
        told: Json = {
            "commandId": submission.command_id,
            "userId": submission.user,
            "actAs": list(submission.act_as),
            "submissionId": submission.submission_id,
            "offset": entry.offset,
            "synchronizerTime": place_and_time(entry),
            "deduplicationPeriod": {
                "DeduplicationDuration": {
                    "value": {
                        "seconds": submission.period_us // 1_000_000,
                        "nanos": submission.period_us % 1_000_000 * 1_000,
                    }
                }
            },
        }
        if submission.trace:
            told["traceContext"] = {"traceparent": submission.trace}
        if isinstance(entry, Rejected):
            category = CATEGORIES[entry.code]
            message = f"{entry.code}({int(category)},{entry.update_id[4:12]}): {entry.cause}"
            told["status"] = {"code": GRPC[category], "message": message, "details": []}
        else:
            told["status"] = {"code": 0, "message": "", "details": []}
            told["updateId"] = entry.update_id
        return told

    def _identifier(self, template: str) -> str:
        return f"{self._package.package_id}:{template}"


def place_and_time(entry: Entry) -> Json:
    """Return where and when an entry was recorded."""
    return {"synchronizerId": entry.synchronizer, "recordTime": moment(entry.record_us)}


def moment(at_us: int) -> str:
    """Return a time as RFC 3339 in UTC."""
    told = (_EPOCH + timedelta(microseconds=at_us)).isoformat(timespec="microseconds")
    return told.replace("+00:00", "Z")
