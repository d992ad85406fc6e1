"""What leaves memory, and is it known all the same?"""

from __future__ import annotations

from tests.rooms.custody.play import R1, R2, R3, Play, new_hold


def test_what_has_ended_leaves_memory_and_is_answered_as_before() -> None:
    play = Play(hot_max=0)
    play.hold(new_hold(R1), new_hold(R2))
    play.execute(R1)
    play.release(R2, R3)
    play.settle()
    assert (play.state.rounds, play.state.ended.hot_count) == ({}, 0)
    assert play.status(R1, R2, R3) == ["executed", "released", "released"]
    assert play.execute(R1, R2, R3) == [("executed", 2), "custody.released", "custody.released"]
    assert play.release(R1, R2, R3) == ["custody.executed", ("released", 3), ("released", 3)]
    assert play.hold(new_hold(R1), new_hold(R3)) == ["custody.executed", "custody.released"]
    play.check()


def test_memory_holds_no_more_ended_rounds_than_it_may() -> None:
    play = Play(hot_max=8)
    for number in range(200):
        play.hold(new_hold(f"r{number}"))
        (play.execute if number % 2 else play.release)(f"r{number}")
        play.settle()
    assert play.state.ended.hot_count <= 8 + 1
    assert len(play.state.ended) == 200
    assert play.status("r0", "r1", "r199") == ["released", "executed", "executed"]
    play.check()


def test_a_snapshot_goes_on_as_the_room_that_wrote_it() -> None:
    play = Play()
    play.hold(new_hold(R1, 3), new_hold(R2))
    play.execute(R2)
    play.reload()
    assert play.status(R1, R2) == ["held", "executed"]
    assert play.execute(R1, epoch=2) == ["custody.fenced"]
    assert play.execute(R1, epoch=3) == [("executed", 5)]
    play.check()


def test_nothing_that_is_held_is_ever_due() -> None:
    play = Play()
    play.hold(new_hold())
    assert play.room.due(play.state) is None
