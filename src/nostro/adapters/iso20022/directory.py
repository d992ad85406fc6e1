"""Which participant is the bank that a message names?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from nostro.payments import ParticipantView

HEAD_OFFICE = "XXX"
"""The branch code of a BIC that names the bank itself (ISO 9362)."""


class Directory(Protocol):
    """Finds participants by what messages call them."""

    def by_bic(self, bic: str) -> str | None:
        """Return the participant with a BIC, or None."""
        ...

    def by_lei(self, lei: str) -> str | None:
        """Return the participant with a LEI, or None."""
        ...

    def has(self, participant_id: str) -> bool:
        """Return whether there is a participant of this id."""
        ...


class Names:
    """The directory of those who have none: each participant is called by its BIC of 8 characters,
    or of 11 where a branch takes part itself."""

    def by_bic(self, bic: str) -> str | None:
        """Return the BIC itself."""
        return bic_of(bic)

    def by_lei(self, lei: str) -> str | None:
        """Return the LEI itself."""
        return lei

    def has(self, participant_id: str) -> bool:
        """Return True: whoever receives the payment knows."""
        return True


class Known:
    """Participants by BIC: that of the branch first, then that of its head office."""

    def __init__(self, participants: Iterable[ParticipantView]) -> None:
        self._ids: set[str] = set()
        self._by_bic: dict[str, str] = {}
        self._by_lei: dict[str, str] = {}
        for each in participants:
            self._ids.add(each.participant_id)
            if each.bic:
                self._by_bic.setdefault(bic_of(each.bic), each.participant_id)
            if each.lei:
                self._by_lei.setdefault(each.lei, each.participant_id)

    def by_bic(self, bic: str) -> str | None:
        """Return the participant with a BIC, or with that of its head office."""
        written = bic_of(bic)
        return self._by_bic.get(written) or self._by_bic.get(written[:8])

    def by_lei(self, lei: str) -> str | None:
        """Return the participant with a LEI."""
        return self._by_lei.get(lei)

    def has(self, participant_id: str) -> bool:
        """Return whether there is a participant of this id."""
        return participant_id in self._ids


def directory_of(participants: Iterable[ParticipantView]) -> Directory:
    """Return the directory of these participants; of two with one BIC the first has it."""
    return Known(participants)


def bic_of(text: str) -> str:
    """Return a BIC without the branch code of a head office."""
    written = text.upper()
    return written[:8] if len(written) == 11 and written.endswith(HEAD_OFFICE) else written
