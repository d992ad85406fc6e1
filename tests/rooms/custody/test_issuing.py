"""What may be put into custody, once for each reference?"""

from __future__ import annotations

from typing import Any

import pytest

from nostro.custody import AssetIssued, IssueAsset, RefuseIssue
from tests.rooms.custody.play import Play


def issue(**given: Any) -> IssueAsset:
    """Return an issue of 100 bonds to alice, or what is given instead."""
    said = {"reference": "i1", "party": "alice", "asset": "BOND1", "scale": 0, "amount_minor": 100}
    return IssueAsset(**{**said, **given})


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"reference": ""}, "custody.bad_reference"),
        ({"reference": "r" * 65}, "custody.bad_reference"),
        ({"party": ""}, "custody.bad_party"),
        ({"party": "a:b"}, "custody.bad_party"),
        ({"party": "p" * 49}, "custody.bad_party"),
        ({"amount_minor": 0}, "custody.bad_amount"),
        ({"amount_minor": 10**38}, "custody.bad_amount"),
        ({"amount_minor": -(10**38)}, "custody.bad_amount"),
    ],
)
def test_an_issue_that_cannot_be_is_refused(wrong: dict[str, Any], code: str) -> None:
    assert Play().refused(issue(**wrong)).code == code


@pytest.mark.parametrize("old", [False, True])
def test_a_reference_stands_for_one_issue(old: bool) -> None:
    play = Play(hot_max=0 if old else 1_000)
    assert play.when(issue()) == [AssetIssued("i1", "alice", "BOND1", 0, 100)]
    play.settle()
    assert play.when(issue()) == []
    assert play.body == {"reference": "i1", "exists": True}
    for other in ({"party": "bob"}, {"amount_minor": 99}, {"asset": "BOND2"}, {"scale": 1}):
        assert play.refused(issue(**other)).code == "custody.reference_exists"
    play.check()


@pytest.mark.parametrize("old", [False, True])
def test_an_issue_that_the_books_refused_stays_refused(old: bool) -> None:
    play = Play(hot_max=0 if old else 1_000)
    play.when(issue(amount_minor=-5))
    play.when(RefuseIssue(reference="i1", code="custody.lacking"), same_row=True)
    play.settle()
    assert play.refused(issue(amount_minor=-5)).code == "custody.lacking"
    assert play.refused(issue(amount_minor=-4)).code == "custody.reference_exists"
    play.check()
