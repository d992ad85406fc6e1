"""What does the participant tell those who may read?"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from nostro.adapters.domains.canton_double import shapes
from nostro.adapters.domains.canton_double.books import (
    Assigned,
    Entry,
    PartyHosted,
    Rejected,
    Transaction,
    Unassigned,
)
from nostro.adapters.domains.canton_double.errors import Refusal
from nostro.adapters.domains.canton_double.identity import Bearer
from nostro.adapters.domains.canton_double.interpreter import not_found
from nostro.adapters.domains.canton_double.ledger import Ledger, Life
from nostro.adapters.domains.canton_double.preparing import Preparing
from nostro.adapters.domains.canton_double.telling import (
    ACS_DELTA,
    LEDGER_EFFECTS,
    Json,
    Teller,
    View,
    place_and_time,
    view_of,
)
from nostro.adapters.domains.canton_double.values import CONTRACT_ID

LIST_MAX = 200
"""Elements of a list that HTTP tells; a longer one is refused, unless a limit is given."""
PAGE_DEFAULT = 100
PAGE_MAX = 1_000


class Reading:
    """Answers questions about a ledger."""

    def __init__(
        self, ledger: Ledger, teller: Teller, preparing: Preparing, *, participant_id: str
    ) -> None:
        self._ledger = ledger
        self._teller = teller
        self._preparing = preparing
        self._participant_id = participant_id

    def view(self, bearer: Bearer, told: shapes.EventFormat | shapes.TransactionFilter) -> View:
        """Return an event format, understood, whose bearer may see it; raises Refusal, Unwelcome,
        Malformed."""
        view = view_of(told, lambda name: self._preparing.template(name, by_name_only=True))
        bearer.must_read_as(view.by_party)
        if view.anybody is not None:
            bearer.must_read_all()
        return view

    # -- contracts ----------------------------------------------------------------------------

    def active(
        self, bearer: Bearer, asked: shapes.ActiveContracts, *, limit: int | None
    ) -> list[Json]:
        """Return the contracts that are active at an offset; refuses lists that are too long."""
        if asked.event_format is not None and (asked.filter is not None or asked.verbose):
            raise _both_formats()
        told = asked.event_format or asked.filter
        if told is None:
            raise _no_format()
        view = self.view(bearer, told)
        self._must_know(asked.active_at_offset)
        return listed(self._active(view, asked.active_at_offset), limit)

    def active_page(self, bearer: Bearer, asked: shapes.ActiveContractsPage) -> Json:
        """Return a page of the contracts that are active at an offset."""
        view = self.view(bearer, asked.event_format)
        at = self._ledger.end if asked.active_at_offset is None else asked.active_at_offset
        start = 0
        if asked.page_token:
            at, start = _token_said(asked.page_token)
        self._must_know(at)
        size = _page_size(asked.max_page_size)
        found = list(self._active(view, at))
        page: Json = {"activeContracts": found[start : start + size], "activeAtOffset": at}
        if start + size < len(found):
            page["nextPageToken"] = _token(at, start + size)
        return page

    def _active(self, view: View, at: int) -> Iterable[Json]:
        for life in self._ledger.lives_at(at):
            told = self._active_told(life, view, at)
            if told is not None:
                yield {"workflowId": life.transaction.submission.workflow_id, "contractEntry": told}

    def _active_told(self, life: Life, view: View, at: int) -> Json | None:
        stay = life.stay_at(at)
        if stay is not None:
            told = self._teller.placed(life, view, since=stay.since, counter=stay.counter)
            if told is None:
                return None
            active = {
                "createdEvent": told,
                "synchronizerId": stay.synchronizer,
                "reassignmentCounter": stay.counter,
            }
            return {"JsActiveContract": active}
        left = self._left(life, at)
        if left is None:
            return None
        last = next(each for each in reversed(life.stays) if each.since <= at)
        told = self._teller.placed(life, view, since=last.since, counter=last.counter)
        away = self._teller.unassigned(life, left, view)
        if told is None or away is None:
            return None
        return {"JsIncompleteUnassigned": {"createdEvent": told, "unassignedEvent": away}}

    def _left(self, life: Life, at: int) -> Unassigned | None:
        """Return how a contract left where it was, if at an offset it had not arrived again."""
        last = next((each for each in reversed(life.stays) if each.since <= at), None)
        if last is None or last.until is None:
            return None
        entry = self._ledger.entries[last.until - 1]
        return entry if isinstance(entry, Unassigned) else None

    def events(self, bearer: Bearer, asked: shapes.EventsByContractId) -> Json:
        """Return how a contract began and ended."""
        _contract_id(asked.contract_id)
        view = self.view(bearer, asked.event_format)
        life = self._ledger.lives.get(asked.contract_id)
        told: Json = {}
        if life is not None:
            created, archived = self._teller.created(life, view), self._teller.archived(life, view)
            if created is not None:
                place = life.transaction.synchronizer
                told["created"] = {"createdEvent": created, "synchronizerId": place}
            if archived is not None and life.archived is not None:
                place = life.archived[0].synchronizer
                told["archived"] = {"archivedEvent": archived, "synchronizerId": place}
        if not told:
            raise Refusal(
                "CONTRACT_EVENTS_NOT_FOUND",
                f"Contract events not found, or not visible: {asked.contract_id}",
            )
        return told

    def contract(self, bearer: Bearer, asked: shapes.ContractById) -> Json:
        """Return what a contract says, active or not."""
        _contract_id(asked.contract_id)
        parties = asked.querying_parties or []
        bearer.must_read_as(parties)
        if not parties:
            bearer.must_read_all()
        life = self._ledger.lives.get(asked.contract_id)
        formats = dict.fromkeys(parties, shapes.Filters())
        anybody = None if parties else shapes.Filters()
        view = view_of(
            shapes.EventFormat(filters_by_party=formats, filters_for_any_party=anybody), str
        )
        told = None if life is None else self._teller.created(life, view)
        if told is None:
            raise not_found(asked.contract_id)
        return {"createdEvent": told}

    # -- updates ------------------------------------------------------------------------------

    def updates(self, bearer: Bearer, asked: shapes.Updates, *, limit: int | None) -> list[Json]:
        """Return what happened between two offsets; refuses lists that are too long."""
        if asked.update_format is not None and (asked.filter is not None or asked.verbose):
            raise _both_formats()
        chosen = asked.update_format
        if chosen is None:
            chosen = _format_of(asked)
        views = self._views(bearer, chosen)
        begin, end = self._section(asked.begin_exclusive, asked.end_inclusive)
        found = []
        for entry in _ordered(self._ledger.entries[begin:end], asked.descending_order):
            told = self._told(entry, views)
            found += [] if told is None else [{"update": told}]
        if not asked.descending_order and end > begin:
            found.append({"update": {"OffsetCheckpoint": {"value": self._checkpoint(end)}}})
        return listed(found, limit)

    def updates_page(self, bearer: Bearer, asked: shapes.UpdatesPage) -> Json:
        """Return a page of what happened between two offsets."""
        views = self._views(bearer, asked.update_format)
        begin, end = self._section(
            asked.begin_offset_exclusive or self._ledger.pruned_to, asked.end_offset_inclusive
        )
        size, tailing = _page_size(asked.max_page_size), asked.end_offset_inclusive is None
        if asked.descending_order:
            end = _token_said(asked.page_token)[0] if asked.page_token else end
            return self._page_down(views, begin, end, size)
        begin = _token_said(asked.page_token)[0] if asked.page_token else begin
        return self._page_up(views, begin, max(begin, end), size, tailing=tailing)

    def _page_up(self, views: _Views, begin: int, end: int, size: int, *, tailing: bool) -> Json:
        found, reached = [], end
        for entry in self._ledger.entries[begin:end]:
            told = self._told(entry, views)
            found += [] if told is None else [{"update": told}]
            if len(found) == size:
                reached = entry.offset
                break
        page: Json = {
            "updates": found,
            "lowestPageOffsetExclusive": begin,
            "highestPageOffsetInclusive": reached,
        }
        if reached < end or tailing:
            page["nextPageToken"] = _token(reached, 0)
        return page

    def _page_down(self, views: _Views, begin: int, end: int, size: int) -> Json:
        found, reached = [], begin
        for entry in reversed(self._ledger.entries[begin:end]):
            told = self._told(entry, views)
            found += [] if told is None else [{"update": told}]
            if len(found) == size:
                reached = entry.offset - 1
                break
        page: Json = {
            "updates": found,
            "lowestPageOffsetExclusive": reached,
            "highestPageOffsetInclusive": end,
        }
        if reached > begin:
            page["nextPageToken"] = _token(reached, 0)
        return page

    def update(self, bearer: Bearer, entry: Entry | None, told: shapes.UpdateFormat) -> Json:
        """Return one update."""
        views = self._views(bearer, told)
        seen = None
        if entry is not None and entry.offset > self._ledger.pruned_to:
            seen = self._told(entry, views)
        if seen is None:
            raise Refusal("UPDATE_NOT_FOUND", "Update not found, or not visible.")
        return {"update": seen}

    def update_by_offset(self, bearer: Bearer, asked: shapes.UpdateByOffset) -> Json:
        """Return what happened at an offset."""
        if asked.offset <= 0:
            raise Refusal(
                "INVALID_FIELD", f"Offset {asked.offset} in offset is not a positive integer"
            )
        entries = self._ledger.entries
        entry = entries[asked.offset - 1] if asked.offset <= len(entries) else None
        return self.update(bearer, entry, asked.update_format)

    def update_by_id(self, bearer: Bearer, asked: shapes.UpdateById) -> Json:
        """Return what happened in an update."""
        if not asked.update_id:
            raise Refusal(
                "MISSING_FIELD", "The submitted command is missing a mandatory field: update_id"
            )
        entry = self._ledger.by_update.get(asked.update_id)
        return self.update(bearer, entry, asked.update_format)

    def _views(self, bearer: Bearer, told: shapes.UpdateFormat) -> _Views:
        transactions, reassignments = told.include_transactions, told.include_reassignments
        hosting = told.include_topology_events
        if transactions is None and reassignments is None and hosting is None:
            raise Refusal(
                "INVALID_ARGUMENT",
                "At least one of include_transactions, include_reassignments, "
                "include_topology_events must be set",
            )
        parties: Sequence[str] | None = None
        if hosting is not None:
            inner = hosting.include_participant_authorization_events
            parties = [] if inner is None else inner.parties or []
            bearer.must_read_as(parties)
            if not parties:
                bearer.must_read_all()
        return _Views(
            None if transactions is None else self.view(bearer, transactions.event_format),
            ACS_DELTA if transactions is None else shape_of(transactions),
            None if reassignments is None else self.view(bearer, reassignments),
            parties,
        )

    def _told(self, entry: Entry, views: _Views) -> Json | None:
        """Return an update, None when it is not for these views."""
        match entry:
            case Transaction() if views.transactions is not None:
                told = self._teller.transaction(entry, views.transactions, views.shape)
                return {"Transaction": {"value": told}} if told["events"] else None
            case Unassigned() | Assigned() if views.reassignments is not None:
                told = self._teller.reassignment(entry, views.reassignments)
                return {"Reassignment": {"value": told}} if told["events"] else None
            case PartyHosted() if views.hosting is not None:
                if views.hosting and entry.party not in views.hosting:
                    return None
                told = self._teller.topology(entry, self._participant_id)
                return {"TopologyTransaction": {"value": told}}
            case _:
                return None

    # -- completions --------------------------------------------------------------------------

    def completions(
        self, *, user: str | None, parties: Sequence[str], begin: int, limit: int | None
    ) -> list[Json]:
        """Return what became of commands: of a user (None: any), of some parties (none: all)."""
        begin, end = self._section(begin, None)
        found = []
        for entry in self._ledger.entries[begin:end]:
            if not isinstance(entry, Transaction | Unassigned | Assigned | Rejected):
                continue
            by = entry.submission
            if user is not None and by.user != user:
                continue
            if parties and set(parties).isdisjoint(by.act_as):
                continue
            told = {"Completion": {"value": self._teller.completion(entry)}}
            found.append({"completionResponse": told})
        if end > begin:
            checkpoint = {"OffsetCheckpoint": {"value": self._checkpoint(end)}}
            found.append({"completionResponse": checkpoint})
        return listed(found, limit)

    def _checkpoint(self, offset: int) -> Json:
        return {
            "offset": offset,
            "synchronizerTimes": [place_and_time(self._ledger.entries[offset - 1])],
        }

    # -- offsets ------------------------------------------------------------------------------

    def _section(self, begin: int, end: int | None) -> tuple[int, int]:
        """Return the bounds of a section of the ledger: (exclusive, inclusive)."""
        last = self._ledger.end
        for name, offset in (("begin_exclusive", begin), ("end_inclusive", end)):
            if offset is not None and offset < 0:
                raise Refusal("INVALID_FIELD", f"Offset {offset} in {name} is a negative integer")
            if offset is not None and offset > last:
                raise _after_end(offset, last)
        if end is not None and end < begin:
            raise Refusal("INVALID_ARGUMENT", f"End offset {end} is before begin offset {begin}")
        self._must_not_be_pruned(begin)
        return begin, last if end is None else end

    def _must_know(self, offset: int) -> None:
        if offset < 0:
            raise Refusal(
                "INVALID_FIELD", f"Offset {offset} in active_at_offset is a negative integer"
            )
        if offset > self._ledger.end:
            raise _after_end(offset, self._ledger.end)
        self._must_not_be_pruned(offset)

    def _must_not_be_pruned(self, offset: int) -> None:
        pruned_to = self._ledger.pruned_to
        if offset < pruned_to:
            raise Refusal(
                "PARTICIPANT_PRUNED_DATA_ACCESSED",
                f"Request at offset {offset} precedes pruned offset {pruned_to}",
                context={"earliest_offset": str(pruned_to)},
            )


class _Views:
    """An update format, understood. `hosting`: of these parties, of all when empty; None: not."""

    def __init__(
        self,
        transactions: View | None,
        shape: str,
        reassignments: View | None,
        hosting: Sequence[str] | None,
    ) -> None:
        self.transactions = transactions
        self.shape = shape
        self.reassignments = reassignments
        self.hosting = hosting


def shape_of(told: shapes.TransactionFormat) -> str:
    """Return how a transaction is to be told; refuses what is neither way."""
    if told.transaction_shape not in (ACS_DELTA, LEDGER_EFFECTS):
        raise Refusal(
            "MISSING_FIELD",
            "The submitted command is missing a mandatory field: transaction_shape",
        )
    return told.transaction_shape


def listed(found: Iterable[Json], limit: int | None) -> list[Json]:
    """Return a list that HTTP may tell: the first `limit`, or all, if they are not too many."""
    told = list(found)
    if limit is not None and 0 <= limit <= LIST_MAX:
        return told[:limit]
    if len(told) > LIST_MAX:
        raise too_long(len(told))
    return told


def too_long(count: int) -> Refusal:
    """Return the refusal of a list that is too long for HTTP."""
    return Refusal(
        "JSON_API_MAXIMUM_LIST_ELEMENTS_NUMBER_REACHED",
        f"The number of matching elements ({count}) is greater than the node limit ({LIST_MAX}).",
    )


def _format_of(asked: shapes.Updates) -> shapes.UpdateFormat:
    """Return the format that the older form of a request stands for."""
    if asked.filter is None:
        raise _no_format()
    events = shapes.EventFormat(
        filters_by_party=asked.filter.filters_by_party,
        filters_for_any_party=asked.filter.filters_for_any_party,
        verbose=asked.verbose,
    )
    return shapes.UpdateFormat(
        include_transactions=shapes.TransactionFormat(
            event_format=events, transaction_shape=ACS_DELTA
        ),
        include_reassignments=events,
    )


def _ordered(entries: list[Entry], descending: bool) -> Iterable[Entry]:
    return reversed(entries) if descending else entries


def _both_formats() -> Refusal:
    return Refusal(
        "INVALID_ARGUMENT",
        "Both event_format and filter (or verbose) are set. Please use either backwards compatible "
        "arguments (filter and verbose) or event_format, but not both.",
    )


def _no_format() -> Refusal:
    return Refusal(
        "INVALID_ARGUMENT",
        "Either filter/verbose or event_format is required. Please use either backwards compatible "
        "arguments (filter and verbose) or event_format.",
    )


def _after_end(offset: int, end: int) -> Refusal:
    return Refusal("OFFSET_AFTER_LEDGER_END", f"Offset ({offset}) is after ledger end ({end})")


def _contract_id(told: str) -> None:
    if not CONTRACT_ID.match(told):
        raise Refusal("INVALID_FIELD", f"Invalid field contract_id: cannot parse {told[:80]!r}")


def _page_size(told: int | None) -> int:
    if not told:
        return PAGE_DEFAULT
    if not 0 < told <= PAGE_MAX:
        raise Refusal("INVALID_ARGUMENT", f"max_page_size {told} is not between 1 and {PAGE_MAX}")
    return told


def _token(offset: int, place: int) -> str:
    return base64.urlsafe_b64encode(f"{offset}.{place}".encode()).decode()


def _token_said(told: str) -> tuple[int, int]:
    try:
        offset, _, place = base64.urlsafe_b64decode(told.encode()).decode().partition(".")
        return int(offset), int(place)
    except ValueError:
        raise Refusal("INVALID_ARGUMENT", "Invalid page_token") from None
