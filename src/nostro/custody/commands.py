"""What can one order custody to do: the part of a settlement domain that earmarks, executes and
releases for rounds of settlements?

A round id has 1 to 100 characters of `A-Z a-z 0-9 . _ : @ / -`. Every command here answers each of
its rounds by itself, in order, and a repeat as it answered first. Reply body: {"results":
[{"round_id", "stage", "reference"} or {"round_id", "code", "facts"}, ...]}; `reference` names what
was done at this domain, `facts["lacking"]` of a refused hold is [[party, asset, available_minor],
...].
"""

from __future__ import annotations

from nostro.custody.terms import NewHold, RoundOrder
from nostro.kernel.messages import Command


class PlaceHolds(Command, frozen=True, kw_only=True, tag="custody.PlaceHolds"):
    """Earmark what each of these rounds needs, all or nothing of a round; ownership does not
    change, and nothing here ever expires. By coordinators.

    Refused, each: `custody.bad_round` (id, nothing to lock, a lock or move that cannot be),
    `custody.fenced` (a higher epoch was seen), `custody.content_differs` (held with other content),
    `custody.released` (it can hold nothing any more), `custody.executed`, `custody.lacking`,
    `custody.account_unknown`, `custody.account_blocked`. After `lacking`, `account_unknown` and
    `account_blocked` the same may be sent again.
    """

    holds: list[NewHold]


class ExecuteHolds(Command, frozen=True, kw_only=True, tag="custody.ExecuteHolds"):
    """Move what was earmarked, each round in one posting; by coordinators, once they have decided.

    Refused, each: `custody.fenced`, `custody.unknown`, `custody.released`, `custody.stuck` (the
    books would not move what is held: people must look; it may be sent again).
    """

    rounds: list[RoundOrder]


class ReleaseHolds(Command, frozen=True, kw_only=True, tag="custody.ReleaseHolds"):
    """Let go what was earmarked, and let these rounds never hold anything again, whether they ever
    did or not; by coordinators, once they have decided.

    Refused, each: `custody.bad_round`, `custody.fenced`, `custody.executed`, `custody.stuck`.
    """

    rounds: list[RoundOrder]


class NoteBooked(Command, frozen=True, kw_only=True, tag="custody.NoteBooked"):
    """Say what the ledger did with rounds that are being held, executed or released; by flows, in
    the same journal row. `results`: (round id, code or "", lacking as in a reply)."""

    results: list[tuple[str, str, list[tuple[str, str, int]]]]


class IssueAsset(Command, frozen=True, kw_only=True, tag="custody.IssueAsset"):
    """Credit a party with what its issuer, or the bank behind a cash asset, put into custody; or
    debit it when `amount_minor` is negative and it is withdrawn. By the operator of the domain.
    `reference`: unique at this domain; sent twice: `exists`.

    Refused: `custody.bad_party`, `custody.bad_reference`, `custody.bad_amount`,
    `custody.asset_unknown`, `custody.reference_exists`, `custody.lacking`.
    """

    reference: str
    party: str
    asset: str
    scale: int
    amount_minor: int


COMMANDS: tuple[type[Command], ...] = (
    PlaceHolds,
    ExecuteHolds,
    ReleaseHolds,
    NoteBooked,
    IssueAsset,
)
