"""Is a history that old keys have made up refused by whoever remembers the real one?"""

from __future__ import annotations

import msgspec
import pytest

from nostro.consensus.certificate import Certificate, CertificateError
from nostro.consensus.chain import Chain, Head, verify_chain
from nostro.consensus.committee import Epochs
from nostro.consensus.messages import Entry
from nostro.consensus.validation import Rules
from tests.rooms.consensus import keys
from tests.rooms.consensus.desk import commit, hash_of

BODY, OTHER = keys.body(1), keys.body(2)
THREE = ("member-1", "member-2", "member-3")


def history(*bodies: str, generation: int = 0) -> list[tuple[Entry, Certificate, str | None]]:
    """Return a certified chain over some bodies, by the keys of a generation."""
    chain, rules = Chain(Epochs([keys.committee(4, generation=generation)])), Rules(keys.verify)
    made: list[tuple[Entry, Certificate, str | None]] = []
    for body in bodies:
        checked = rules.check(body)
        proposer = chain.committee.proposer(chain.height, 0)
        entry = chain.entry_for(checked, proposer)
        made.append((entry, commit(entry, *THREE, generation=generation), body))
        chain.advance(entry, checked)
    return made


def test_long_range_history_by_old_keys_is_refused_below_the_remembered_head() -> None:
    rules, committee = Rules(keys.verify), keys.committee(4)
    real, forged = history(BODY, OTHER), history(keys.body(3), keys.body(4))
    remembered = verify_chain(real[:1], committee, rules)
    assert remembered.height == 1
    assert verify_chain(real[1:], committee, rules, after=remembered).height == 2
    assert verify_chain(forged, committee, rules).height == 2, "the keys themselves are good"
    with pytest.raises(CertificateError, match="does not follow"):
        verify_chain(forged[1:], committee, rules, after=remembered)


def test_a_chain_with_a_gap_a_swap_or_another_body_is_refused() -> None:
    rules, committee = Rules(keys.verify), keys.committee(4)
    first, second, third = history(BODY, OTHER, keys.body(3))
    wrong_root = msgspec.structs.replace(first[0], state_root=hash_of("x"))
    for chain, reason in (
        ([first, third], "height"),
        ([second, first], "height"),
        ([first, (second[0], second[1], BODY)], "body"),
        ([(wrong_root, commit(wrong_root, *THREE), BODY)], "state_root"),
        ([(first[0], second[1], BODY)], "height"),
    ):
        with pytest.raises(CertificateError) as error:
            verify_chain(chain, committee, rules)
        assert error.value.reason == reason
    assert verify_chain([first, second, third], committee, rules).height == 3
    assert verify_chain([], committee, rules) == Head()
