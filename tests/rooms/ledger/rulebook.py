"""A small language for ledger rules: what is sent, what is answered, and how the books stand then.

    account   A USD debits<=credits overdraft=50
    transfer  T1 A->B 100 code=7            = ok
    hold      H1 A->B 30 timeout_s=5        = exceeds_credits
    post      P1 H1 20                      = hold_not_found
    void      V1 H1                         = ok
    reverse   R1 T1                         = ok
    freeze    A                             = ok
    wait      5s
    balance   A 100 0 0 0                   (debits posted, pending, credits posted, pending)

Lines that begin with `|` go into one command; `||` lines go all or none. Answers are codes
without `ledger.`; `ok` means recorded, `-` that another transfer of an all-or-none command was
refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nostro.ledger import (
    AccountType,
    Action,
    Balancing,
    CloseAccount,
    CreateTransfers,
    CreateTransfersTogether,
    FreezeAccount,
    Limit,
    NewAccount,
    NewTransfer,
    OpenAccounts,
    UnfreezeAccount,
)
from tests.rooms.ledger.books import Books, results_of

_LIMITS = {
    "debits<=credits": Limit.DEBITS_MUST_NOT_EXCEED_CREDITS,
    "credits<=debits": Limit.CREDITS_MUST_NOT_EXCEED_DEBITS,
}
_ON_ACCOUNTS = {"freeze": FreezeAccount, "unfreeze": UnfreezeAccount, "close": CloseAccount}
_NUMBERS = {"code", "timeout_s", "effective_at_us"}


@dataclass
class _Group:
    """Transfers of one command, and the answers expected."""

    together: bool = False
    transfers: list[NewTransfer] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)


def play(text: str, books: Books | None = None) -> Books:
    """Play a table against books (new ones unless given), compare every answer, return them."""
    books = books or Books()
    group = _Group()
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition("#")[0].strip()
        if group.transfers and not line.startswith("|"):
            _send(books, group)
            group = _Group()
        if line:
            try:
                _play_line(books, group, line)
            except AssertionError as wrong:
                raise AssertionError(f"line {number}: {raw.strip()}\n{wrong}") from wrong
    if group.transfers:
        _send(books, group)
    return books


def _play_line(books: Books, group: _Group, line: str) -> None:
    said, _, expected = line.partition(" = ")
    words = said.lstrip("| ").split()
    match words[0]:
        case "account":
            _open(books, words[1:], expected.strip())
        case "balance":
            a = books.account(words[1])
            stand = (a.debits_posted, a.debits_pending, a.credits_posted, a.credits_pending)
            assert stand == tuple(map(int, words[2:])), f"the books say {stand}"
        case "wait":
            books.tick(int(words[1].removesuffix("s")) * 1_000_000)
        case "sleep":  # time passes, and nobody tells the books
            books.at_us += int(words[1].removesuffix("s")) * 1_000_000
        case "freeze" | "unfreeze" | "close":
            decision = books.do(_ON_ACCOUNTS[words[0]](account=words[1]))
            got = decision.refusal.code if decision.refusal else "ledger.ok"
            assert got == f"ledger.{expected.strip()}", f"the answer is {got}"
        case _:
            group.together = line.startswith("||")
            group.transfers.append(transfer(said.lstrip("| ")))
            group.expected.append(expected.strip())
            if not line.startswith("|"):
                sent = _Group(False, group.transfers[:], group.expected[:])
                group.transfers.clear()
                group.expected.clear()
                _send(books, sent)


def _send(books: Books, group: _Group) -> None:
    kind = CreateTransfersTogether if group.together else CreateTransfers
    decision = books.do(kind(transfers=group.transfers))
    results = results_of(decision)
    otherwise = "ledger.ok" if decision.refusal is None else "ledger.-"
    for index, expected in enumerate(group.expected):
        code, facts = results.get(index, (otherwise, {}))
        sent = group.transfers[index]
        assert code == f"ledger.{expected}", f"{sent}\nis answered {code} {facts}"


def _open(books: Books, words: list[str], expected: str) -> None:
    options = dict(word.split("=") for word in words[2:] if "=" in word and "<" not in word)
    limit = next((_LIMITS[word] for word in words if word in _LIMITS), Limit.NONE)
    account = NewAccount(
        id=words[0],
        asset=words[1],
        type=AccountType(options.get("type", "liability")),
        limit=limit,
        overdraft_minor=int(options.get("overdraft", 0)),
        owner=options.get("owner", ""),
    )
    named = results_of(books.do(OpenAccounts(accounts=[account])))
    code = named.get(0, ("ledger.ok", {}))[0]
    assert code.removeprefix("ledger.") == (expected or "ok"), f"the answer is {code}"


def transfer(line: str) -> NewTransfer:
    """Read one transfer: action, id, `debit->credit` or what it refers to, amount, fields."""
    words = line.split()
    fields: dict[str, Any] = {"action": Action(words[0]), "id": words[1]}
    for word in words[2:]:
        name, equal, value = word.partition("=")
        if "->" in word:
            fields["debit"], fields["credit"] = word.split("->")
        elif word == "linked":
            fields["linked"] = True
        elif name == "balancing":
            fields["balancing"] = Balancing(value)
        elif name == "metadata":
            fields["metadata"] = dict([value.split(":")])
        elif equal:
            fields[name] = int(value) if name in _NUMBERS else value
        elif word.lstrip("-").replace("_", "").isdigit():
            fields["amount_minor"] = int(word)
        elif word == "max":
            fields["amount_minor"] = 10**38 - 1
        else:
            fields["refers_to"] = word
    return NewTransfer(**fields)
