"""In which order are steps taken, and what does the caller hear of them?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.kernel.messages import Event, Rejection
from nostro.kernel.reply import Reply
from nostro.kernel.room import Amend, Answer, Context, Join, Later, Order, Step
from nostro.runtime.house import House, Outcome
from tests.runtime.tally import Add, Added, Tally

FIRST, SECOND, THIRD = "first", "second", "third"


def add(counter: str, amount: int = 1) -> Order:
    return Order(Add(counter=counter, amount=amount))


def handled(steps: Sequence[Step]) -> Outcome:
    """Let these steps follow the event of a first command."""

    def flow(event: Event) -> Sequence[Step]:
        told = isinstance(event, Added) and event.counter == FIRST
        return steps if told else second(event)

    def second(event: Event) -> Sequence[Step]:
        told = isinstance(event, Added) and event.counter == SECOND
        return [add("of second")] if told else []

    house = House(rooms=[Tally()], flows={Added: flow})
    command = Add(counter=FIRST, amount=1)
    return house.handle(house.new(), command, Context(1, 1, "clerk", {}))


def counters(outcome: Outcome) -> list[str]:
    return [event.counter for event in outcome.events if isinstance(event, Added)]


def test_what_follows_from_a_reply_comes_before_the_steps_that_wait() -> None:
    heard: list[Reply] = []

    def then(reply: Reply) -> Sequence[Step]:
        heard.append(reply)
        return [add("then")]

    outcome = handled([Order(Add(counter=SECOND, amount=5), then=then), add(THIRD)])
    assert [reply.accepted for reply in heard] == [True]
    assert counters(outcome) == [FIRST, SECOND, "then", THIRD, "of second"]


def test_a_refusal_takes_the_other_way_and_only_that() -> None:
    def then(_reply: Reply) -> Sequence[Step]:
        return [add("then")]

    def otherwise(no: Rejection) -> Sequence[Step]:
        return [add("otherwise")]

    refused = Add(counter=SECOND, amount=-1)
    assert counters(handled([Order(refused, otherwise, then)])) == [FIRST, "otherwise"]


def test_later_steps_come_after_those_of_the_events_before() -> None:
    outcome = handled([add(SECOND), Later([add(THIRD)])])
    assert counters(outcome) == [FIRST, SECOND, "of second", THIRD]


def test_what_waits_to_be_joined_one_behind_the_other_is_one_command() -> None:
    def total(amounts: Sequence[int]) -> Sequence[Step]:
        return [add(f"{len(amounts)} together", sum(amounts))]

    def other(amounts: Sequence[int]) -> Sequence[Step]:
        return [add("other", sum(amounts))]

    steps = [Join(total, [1, 2]), Join(total, [3]), Join(other, [4]), Join(total, [5])]
    assert counters(handled(steps)) == [FIRST, "3 together", "other", "1 together"]


def test_what_a_join_orders_comes_before_the_steps_that_wait() -> None:
    def both(_items: Sequence[int]) -> Sequence[Step]:
        return [add("one"), add("two")]

    assert counters(handled([Join(both, []), add(THIRD)])) == [FIRST, "one", "two", THIRD]


def test_an_answer_can_be_amended_by_whoever_comes_after() -> None:
    def louder(reply: Reply) -> Reply:
        return msgspec.structs.replace(reply, body=f"{reply.body}!")

    outcome = handled([Answer(body="done"), Amend(louder), Amend(louder)])
    assert outcome.reply == Reply(body="done!!")


def test_without_an_answer_of_its_own_the_first_reply_is_amended() -> None:
    def refused(reply: Reply) -> Reply:
        return Reply(code="tally.refused", facts={"was": reply.accepted})

    assert handled([Amend(refused)]).reply == Reply(code="tally.refused", facts={"was": True})
