"""What does consensus ask of the world?"""

from __future__ import annotations

from nostro.kernel.messages import Effect


class ProposeBatch(Effect, frozen=True, kw_only=True, tag="consensus.ProposeBatch"):
    """Put a batch to the members until a certificate stands; its outcome is RecordCertificate. The
    body is text in its canonical encoding."""

    cycle_id: str
    batch_id: str
    body: str


EFFECTS = (ProposeBatch,)
