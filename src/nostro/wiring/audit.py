"""Which checks make an audit of a database, and which of a journal in a file?"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from nostro.adapters.domains.own import domain_house
from nostro.adapters.domains.resting import DomainCheck
from nostro.adapters.journal_file import JournalFile
from nostro.adapters.liquidity.reconcile import ProvidersCheck
from nostro.adapters.postgres.dvp_checks import DvpCheck
from nostro.adapters.postgres.evidence import Evidence
from nostro.adapters.postgres.exchange_checks import ExchangeCheck, OrderFundsCheck
from nostro.adapters.postgres.payment_checks import PaymentsCheck
from nostro.adapters.postgres.view_checks import (
    AccountLinesCheck,
    AccountsCheck,
    RefusalsCheck,
    TransfersCheck,
)
from nostro.adapters.postgres.wallet_checks import WalletsCheck
from nostro.adapters.signing.ed25519 import verify
from nostro.consensus import Committee
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.ledger import LedgerAudit
from nostro.runtime.ports import Entry
from nostro.runtime.verify import ChainCheck, Check, ReplayCheck, Report, audit
from nostro.wiring.certificates import CertificatesCheck
from nostro.wiring.exchange import merchants_books
from nostro.wiring.finality import FinalityCheck
from nostro.wiring.rooms import make_house

SecondLook = Callable[[Sequence[int]], Iterable[Entry]]
Progress = Callable[[int], None]
TELL_ROWS = 1_000
YOUNG_OBJECTS_MAX = 100_000
"""Allocations between two searches for garbage: an audit makes next to none."""


class BooksCheck:
    """Do the lines keep the rules of the books, for the audit's own bookkeeping?"""

    name = "books"

    def __init__(self, books: LedgerAudit, second_look: SecondLook) -> None:
        self._books = books
        self._second_look = second_look
        self._decode = make_house().codec.decode_events

    def hear(self, entry: Entry, events: Sequence[Event]) -> None:
        """Keep the books."""
        self._books.hear(events, Position(entry.height, entry.at_us))

    def finish(self) -> None:
        """Check the sums, and look up what reversals gave back."""
        self._books.finish()
        for entry in self._second_look(self._books.questions()):
            place = Position(entry.height, entry.at_us)
            self._books.hear_again(self._decode(entry.payload), place)
        self._books.finish_answers()

    def told(self) -> str:
        """Say what was kept."""
        accounts = sum(1 for _ in self._books.accounts())
        return f"{self._books.lines} lines on {accounts} accounts; conserved, within all limits"


def audit_database(
    url: str,
    chain: str,
    *,
    trusted: Committee | None = None,
    data_dir: Path | None = None,
    domains: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Audit the journal in a database, and all who tell of it there, at one moment. `trusted`: the
    first members of the committee, as the auditor knows them. `data_dir`: where the simulated
    liquidity providers keep their own books, which are compared too. `domains`: our settlement
    domains and the databases of their chains, which are audited as well, and compared.

    Raises NotDone when the database does not answer.
    """
    with _little_collecting(), Evidence(url, chain) as evidence:
        books = LedgerAudit()
        transfers = TransfersCheck(evidence, books)
        books.sink = transfers.expect
        house = make_house()
        checks: list[Check] = [
            ChainCheck(chain, evidence.end()),
            BooksCheck(books, evidence.entries_at),
            ReplayCheck(house, evidence.snapshots()),
            transfers,
            AccountsCheck(evidence, books),
            AccountLinesCheck(evidence),
            RefusalsCheck(evidence),
            WalletsCheck(evidence),
            PaymentsCheck(evidence),
            ExchangeCheck(evidence),
            OrderFundsCheck(),
            DvpCheck(evidence, chain),
            CertificatesCheck(verify, trusted=trusted),
            FinalityCheck(),
        ]
        if data_dir is not None:
            checks.append(ProvidersCheck(lambda: merchants_books(data_dir), chain=chain))
        checks += [
            DomainCheck(name, coordinator=chain, audit=partial(_audit_domain, store, name))
            for name, store in sorted((domains or {}).items())
        ]
        return audit(
            _counted(evidence.entries(), progress),
            chain=chain,
            decode=house.codec.decode_events,
            checks=checks,
        )


def _audit_domain(url: str, name: str, theirs: Check) -> Report:
    """Audit the chain of a domain of ours, and let `theirs` hear it; raises NotDone."""
    house = domain_house()
    with Evidence(url, name) as evidence:
        return audit(
            evidence.entries(),
            chain=name,
            decode=house.codec.decode_events,
            checks=[
                ChainCheck(name, evidence.end()),
                BooksCheck(LedgerAudit(), evidence.entries_at),
                ReplayCheck(house, evidence.snapshots()),
                theirs,
            ],
        )


def audit_certificates(
    url: str, chain: str, *, trusted: Committee | None = None, progress: Progress | None = None
) -> Report:
    """Check the certificates in the journal of a database, and that it is whole; nothing else.

    Raises NotDone when the database does not answer.
    """
    with _little_collecting(), Evidence(url, chain) as evidence:
        return audit(
            _counted(evidence.entries(), progress),
            chain=chain,
            decode=make_house().codec.decode_events,
            checks=[
                ChainCheck(chain, evidence.end()),
                CertificatesCheck(verify, trusted=trusted),
            ],
        )


def audit_file(
    path: Path, *, trusted: Committee | None = None, progress: Progress | None = None
) -> Report:
    """Audit an exported journal; raises JournalUnreadable when the file is none."""
    file = JournalFile(path)
    opening = file.opening()
    with _little_collecting():
        return audit(
            _counted(file.entries(), progress),
            chain=opening.chain,
            decode=make_house().codec.decode_events,
            checks=[
                ChainCheck(opening.chain, opening.end()),
                BooksCheck(LedgerAudit(), file.entries_at),
                OrderFundsCheck(),
                CertificatesCheck(verify, trusted=trusted),
                FinalityCheck(),
            ],
        )


def height_of_database(url: str, chain: str) -> int:
    """Return how many rows an audit of a database will read; raises NotDone."""
    with Evidence(url, chain) as evidence:
        return evidence.count()


def height_of_file(path: Path) -> int:
    """Return how many rows a file says it has; raises JournalUnreadable."""
    return JournalFile(path).opening().height


@contextmanager
def _little_collecting() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS_MAX, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _counted(entries: Iterable[Entry], progress: Progress | None) -> Iterator[Entry]:
    count = 0
    for count, entry in enumerate(entries, start=1):
        yield entry
        if progress is not None and count % TELL_ROWS == 0:
            progress(TELL_ROWS)
    if progress is not None:
        progress(count % TELL_ROWS)
