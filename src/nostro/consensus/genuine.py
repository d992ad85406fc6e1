"""Did a member of the height's committee say this, and had it the right to?"""

from __future__ import annotations

from nostro.consensus.committee import Committee, Verifier
from nostro.consensus.messages import NO_ROUND, Message, Proposal, Step, Vote


def is_genuine(message: Message, committee: Committee, verify: Verifier) -> bool:
    """Tell whether a message is of this epoch, of a member of it, in its turn if it proposes, with
    the prevotes that justify an older value, and signed."""
    key = committee.key(message.member_id)
    if key is None or message.epoch != committee.epoch:
        return False
    if isinstance(message, Proposal) and (
        message.member_id != committee.proposer(message.height, message.round)
        or message.entry.height != message.height
        or not _is_justified(message, committee, verify)
    ):
        return False
    return verify(key, message.sign_bytes(committee.chain_id), message.signature)


def _is_justified(proposal: Proposal, committee: Committee, verify: Verifier) -> bool:
    """Tell whether a quorum prevoted for the proposed value in the round that it names."""
    if proposal.valid_round == NO_ROUND:
        return not proposal.justification
    signers = {member_id for member_id, _ in proposal.justification}
    if not NO_ROUND < proposal.valid_round < proposal.round:
        return False
    if len(signers) < committee.quorum or len(signers) != len(proposal.justification):
        return False
    for member_id, signature in proposal.justification:
        key = committee.key(member_id)
        prevote = Vote(
            Step.PREVOTE,
            proposal.epoch,
            proposal.height,
            proposal.valid_round,
            member_id,
            proposal.value,
        )
        if key is None or not verify(key, prevote.sign_bytes(committee.chain_id), signature):
            return False
    return True
