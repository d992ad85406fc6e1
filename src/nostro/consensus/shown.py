"""Which commit certificates has somebody shown us, for this height or one to come?"""

from __future__ import annotations

from collections.abc import Sequence

from nostro.consensus.certificate import (
    Certificate,
    CertificateError,
    verify_commit_certificate,
    verify_reject_certificate,
)
from nostro.consensus.committee import Committee, CommitteeError, Epochs, Verifier
from nostro.consensus.messages import Entry

HEIGHTS_AHEAD_MAX = 4_096
KEPT_MAX = 8
"""Certificates of one height that are kept while its committee is not known yet."""


class Shown:
    """Keeps what may hold; what is given out for a height has been verified."""

    def __init__(self, verify: Verifier) -> None:
        self._verify = verify
        self._by_height: dict[int, list[tuple[Certificate, Entry]]] = {}

    def add(self, certificate: Certificate, entry: Entry, *, height: int, epochs: Epochs) -> None:
        """Keep a certificate for the height that is decided now, or a later one, if it may hold."""
        ahead = entry.height - height
        if not 0 <= ahead < HEIGHTS_AHEAD_MAX:
            return
        committee = epochs.by_epoch.get(entry.epoch) if ahead else epochs.at(height)
        if committee is not None and not self._holds(certificate, entry, committee):
            return
        kept = self._by_height.setdefault(entry.height, [])
        if len(kept) < KEPT_MAX:
            kept.append((certificate, entry))

    def begin(self, height: int, committee: Committee) -> None:
        """Drop what does not hold at a height now that its committee is known, and what is past."""
        self._by_height.pop(height - 1, None)
        kept = self._by_height.get(height)
        if kept is not None:
            self._by_height[height] = [each for each in kept if self._holds(*each, committee)]

    def at(self, height: int) -> Sequence[tuple[Certificate, Entry]]:
        """Return the certificates of the height that is decided now."""
        return self._by_height.get(height, ())

    def refuses(self, certificate: Certificate, entry: Entry, epochs: Epochs) -> bool:
        """Tell whether a certificate proves that a quorum refused the entry."""
        try:
            committee = epochs.at(entry.height)
            verify_reject_certificate(certificate, entry, committee, self._verify)
        except (CertificateError, CommitteeError):
            return False
        return True

    def _holds(self, certificate: Certificate, entry: Entry, committee: Committee) -> bool:
        try:
            verify_commit_certificate(certificate, entry, committee, self._verify)
        except CertificateError:
            return False
        return True
