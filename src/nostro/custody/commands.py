"""What can one order custody to do: the part of a settlement domain that earmarks, executes and
releases for rounds of settlements?

A round id has 1 to 100 characters of `A-Z a-z 0-9 . _ : @ / -`, an epoch is 0 or more. PlaceHolds,
ExecuteHolds and ReleaseHolds answer each of their rounds by itself, in order, and a repeat as it
was answered first; as a whole they are refused with `custody.none`, `custody.too_many`. Reply body:
{"results": [{"round_id", "stage", "height"} or {"round_id", "code", "facts"}, ...]}. `height`: the
journal row in which the round got there, by which this domain refers to it. A round that has ended
is told as it ended, whatever the epoch; the epoch guards those that have not.
"""

from __future__ import annotations

from nostro.custody.terms import Booked, NewHold, RoundOrder
from nostro.kernel.messages import Command


class PlaceHolds(Command, frozen=True, kw_only=True, tag="custody.PlaceHolds"):
    """Earmark what each of these rounds needs, all or nothing of a round; ownership does not
    change, and nothing here ever expires. By coordinators.

    The locks cover the moves: of each asset a party locks at least what it gives less what it gets,
    and of what was prefunded all that it gives. Refused, each: `custody.bad_round` (facts
    `reason`), `custody.released` (it can hold nothing any more), `custody.executed`,
    `custody.fenced` (facts `epoch`: a higher one was seen), `custody.content_differs` (it is held
    with other content), `custody.lacking` (facts `lacking`: [[party, asset, available_minor],
    ...]), `custody.account_unknown` (nobody here has the asset), `custody.account_blocked`. After
    the last three the round may be sent again.
    """

    holds: list[NewHold]


class ExecuteHolds(Command, frozen=True, kw_only=True, tag="custody.ExecuteHolds"):
    """Move what was earmarked, each round in one posting; by coordinators, once they have decided.

    Refused, each: `custody.bad_round` (named twice), `custody.released`, `custody.unknown` (it
    holds nothing), `custody.fenced`, `custody.stuck` (facts `why`: the books would not move what is
    held; people must look; it may be sent again).
    """

    rounds: list[RoundOrder]


class ReleaseHolds(Command, frozen=True, kw_only=True, tag="custody.ReleaseHolds"):
    """Let go what was earmarked, and let these rounds never hold anything again, whether they ever
    did or not; by coordinators, once they have decided.

    Refused, each: `custody.bad_round`, `custody.executed`, `custody.fenced`, `custody.stuck`.
    """

    rounds: list[RoundOrder]


class AskRounds(Command, frozen=True, kw_only=True, tag="custody.AskRounds"):
    """Tell where rounds stand; no event. Results as of PlaceHolds; of a round that was refused last
    time, `code` and `facts` stand beside its stage. Of none: whether the domain is there. Whole:
    `custody.too_many`."""

    rounds: list[str]


class ListRounds(Command, frozen=True, kw_only=True, tag="custody.ListRounds"):
    """Tell which rounds are HELD, in the order of their ids: the first `limit` (1 to 1,000) of
    those that begin with `prefix` and come after `after`; no event. Results as of PlaceHolds.
    Refused: `custody.bad_limit`."""

    prefix: str = ""
    after: str = ""
    limit: int = 200


class NoteBooked(Command, frozen=True, kw_only=True, tag="custody.NoteBooked"):
    """Say what the ledger did with rounds that are being held, executed or released; by flows, in
    the same journal row. Results as of PlaceHolds."""

    results: list[Booked]


class IssueAsset(Command, frozen=True, kw_only=True, tag="custody.IssueAsset"):
    """Credit a party with what its issuer, or the bank behind a cash asset, put into custody; or
    debit it when `amount_minor` is negative and it is withdrawn. By the operator of the domain.
    `reference`: unique at this domain. Sent twice: `exists`, or refused as it was first.

    Reply body: {"reference", "exists"}. Refused: `custody.bad_party`, `custody.bad_reference`,
    `custody.bad_amount`, `custody.bad_asset`, `custody.scale_differs` (facts `scale`),
    `custody.reference_exists` (other content), `custody.lacking`, `custody.account_blocked`.
    """

    reference: str
    party: str
    asset: str
    scale: int
    amount_minor: int

    @property
    def stream(self) -> str:
        """Name the party."""
        return self.party


class RefuseIssue(Command, frozen=True, kw_only=True, tag="custody.RefuseIssue"):
    """Say that the books would not take an issue; by flows, in the same journal row."""

    reference: str
    code: str


COMMANDS: tuple[type[Command], ...] = (
    PlaceHolds,
    ExecuteHolds,
    ReleaseHolds,
    AskRounds,
    ListRounds,
    NoteBooked,
    IssueAsset,
    RefuseIssue,
)
