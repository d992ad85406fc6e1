"""Whatever comes, in whatever order: is the room as good as a slow and obvious twin?"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings, strategies as st

from nostro.custody import Booked
from tests.rooms.custody.play import Play, new_hold

IDS = ["r1", "r2", "r3", "r4"]
Step = tuple[str, str, int, int, bool]


class Twin:
    """A few dictionaries that are never forgotten."""

    def __init__(self) -> None:
        self.ended: dict[str, str] = {}
        self.content: dict[str, int] = {}
        self.epoch: dict[str, int] = {}

    def take(self, what: str, round_id: str, epoch: int, amount: int, works: bool) -> str:
        """Return what a request is told: a stage, or a code."""
        ended = self.ended.get(round_id)
        if ended is not None:
            right = {"execute": "executed", "release": "released"}.get(what) == ended
            return ended if right else f"custody.{ended}"
        if what == "execute" and round_id not in self.epoch:
            return "custody.unknown"
        if epoch < self.epoch.get(round_id, 0):
            return "custody.fenced"
        if what == "hold":
            return self._hold(round_id, epoch, amount, works)
        held = round_id in self.content
        if what == "execute" and not held:
            return "custody.unknown"
        self.epoch[round_id] = epoch
        if held and not works:
            return "custody.stuck"
        self.content.pop(round_id, None)
        self.ended[round_id] = "executed" if what == "execute" else "released"
        return self.ended[round_id]

    def _hold(self, round_id: str, epoch: int, amount: int, works: bool) -> str:
        first = self.content.get(round_id)
        if first not in (None, amount):
            return "custody.content_differs"
        self.epoch[round_id] = epoch
        if first is None and not works:
            return "custody.lacking"
        self.content[round_id] = amount
        return "held"


STEPS = st.tuples(
    st.sampled_from(["hold", "hold", "execute", "release"]),
    st.sampled_from(IDS),
    st.integers(0, 3),
    st.sampled_from([100, 101]),
    st.sampled_from([True, True, False]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=30), st.sampled_from([0, 2, 1_000]))
def test_any_sequence_is_answered_as_by_the_twin(steps: list[Step], hot_max: int) -> None:
    play, twin = Play(hot_max=hot_max), Twin()
    for number, step in enumerate(steps):
        assert _told(play, *step) == twin.take(*step), step
        if number % 3 == 0:
            play.settle()
        if number % 7 == 6:
            play.reload()
    held = {each for each in IDS if each in twin.content}
    assert set(play.listed()) == held
    play.check()


def _told(play: Play, what: str, round_id: str, epoch: int, amount: int, works: bool) -> str:
    code = "custody.lacking" if what == "hold" else "custody.stuck"
    books = {} if works else {round_id: Booked(round_id, code)}
    told: Any
    if what == "hold":
        (told,) = play.hold(new_hold(round_id, epoch, amount_minor=amount), books=books)
    elif what == "execute":
        (told,) = play.execute(round_id, epoch=epoch, books=books)
    else:
        (told,) = play.release(round_id, epoch=epoch, books=books)
    return told if isinstance(told, str) else str(told[0])
