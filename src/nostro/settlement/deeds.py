"""What follows from what a domain says it did, or would not do?

An answer counts when the round waits for it. Any other is a repeat, or comes too late: what a late
hold has earmarked, the release that is under way lets go.
"""

from __future__ import annotations

from collections.abc import Callable

from nostro.kernel.messages import Event
from nostro.kernel.room import Context, Decision
from nostro.settlement import events as e
from nostro.settlement.commands import DeedResult, NoteDeeds
from nostro.settlement.live import Bundle, Part, PartStage, Round
from nostro.settlement.policy import SettlementPolicy
from nostro.settlement.rounds import Course
from nostro.settlement.state import SettlementState
from nostro.settlement.terms import Deed, Outcome, Reason

FOR_GOOD = frozenset({"closed", "content_differs", "done", "rejected"})
"""Refusals of a hold that asking again would only hear again."""
ACCOUNT = "account"
NEVER = 0

_ASKED = (PartStage.ASKED, PartStage.REFUSED)
_ENDED = (PartStage.FRESH, PartStage.RELEASED)


class _Hearing:
    """One command's answers, all of one domain and one deed."""

    __slots__ = ("_at_us", "_command", "_course", "_done", "_policy", "_refused", "_state")

    def __init__(
        self,
        state: SettlementState,
        command: NoteDeeds,
        policy: SettlementPolicy,
        at_us: int,
    ) -> None:
        self._state = state
        self._command = command
        self._policy = policy
        self._at_us = at_us
        self._course = Course(state, policy, at_us)
        self._done: list[e.DoneDeed] = []
        self._refused: list[e.RefusedDeed] = []

    def run(self) -> Decision:
        """Hear every answer that a round waits for, once."""
        command, bundles = self._command, self._state.bundles
        hear = _HEAR[command.deed]
        heard: set[int] = set()
        for result in command.results:
            bundle = bundles.get(result.bundle)
            if bundle is None or result.bundle in heard:
                continue
            round_ = bundle.round
            if round_ is None or round_.number != result.round or round_.deed is not command.deed:
                continue
            part = round_.part_at(command.domain)
            if part is not None and hear(self, bundle, round_, part, result):
                heard.add(result.bundle)
        return Decision(events=self._events())

    def _events(self) -> list[Event]:
        command, events = self._command, list[Event]()
        domain, height = command.domain, command.domain_height
        if self._done:
            match command.deed:
                case Deed.HOLD:
                    events.append(e.HoldsPlaced(domain, self._done, height))
                case Deed.EXECUTE | Deed.POST:
                    events.append(e.DeedsExecuted(domain, command.deed, self._done, height))
                case Deed.RELEASE:
                    events.append(e.HoldsReleased(domain, self._done, height))
        if self._refused:
            events.append(e.DeedsRefused(domain, command.deed, self._refused, height))
        events += self._course.events()
        return events

    # -- before the decision ----------------------------------------------------------------------

    def held(self, bundle: Bundle, round_: Round, part: Part, result: DeedResult) -> bool:
        """Ask the next domain to hold, or decide, when a hold is placed; see `_not_held`
        otherwise."""
        if result.outcome is not Outcome.HELD:
            return part.stage is PartStage.ASKED and self._not_held(bundle, round_, part, result)
        if part.stage not in _ASKED:
            return False
        self._note(result)
        if self._at_us >= round_.settle_before_us:
            self._course.abort(bundle, round_, Reason.TIMED_OUT)
            return True
        if self._state.is_quarantined(round_):
            self._course.abort(bundle, round_, Reason.DOMAIN_UNAVAILABLE)
            return True
        missing = [each for each in round_.parts if each.stage is not PartStage.HELD]
        following = next((each for each in missing if each is not part), None)
        if following is None:
            self._course.commit(bundle, round_)
        else:
            self._course.ask(bundle, round_, following)
        return True

    def posted(self, bundle: Bundle, round_: Round, part: Part, result: DeedResult) -> bool:
        """End a round that our own ledger has posted; see `_not_held` otherwise."""
        if part.stage is not PartStage.ASKED:
            return False
        if result.outcome is not Outcome.EXECUTED:
            return self._not_held(bundle, round_, part, result)
        self._note(result)
        self._course.settle(bundle, round_)
        return True

    def _not_held(self, bundle: Bundle, round_: Round, part: Part, result: DeedResult) -> bool:
        """Ask again in a while, as often as allowed and before the deadline, or abort."""
        reason, code = _reason(bundle, round_, part, result), result.code or str(result.outcome)
        again_at_us = self._at_us + self._policy.retry_delay_us
        if (
            code in FOR_GOOD
            or part.asked > self._policy.retry_attempts
            or again_at_us >= round_.settle_before_us
        ):
            again_at_us = NEVER
        self._refuse(result, reason, code, again_at_us)
        if not again_at_us:
            self._course.abort(bundle, round_, reason, code, result.lacking)
        return True

    # -- after it ---------------------------------------------------------------------------------

    def executed(self, bundle: Bundle, round_: Round, part: Part, result: DeedResult) -> bool:
        """Settle, once every domain has executed."""
        if part.stage is not PartStage.HELD:
            return False
        if result.outcome is not Outcome.EXECUTED:
            return self._stuck(part, result)
        self._note(result)
        others = (each.stage for each in round_.parts if each is not part)
        if all(stage is PartStage.EXECUTED for stage in others):
            self._course.settle(bundle, round_)
        return True

    def released(self, bundle: Bundle, round_: Round, part: Part, result: DeedResult) -> bool:
        """End the round, once nothing is earmarked for it any more."""
        if part.stage in _ENDED:
            return False
        if result.outcome is not Outcome.RELEASED:
            return self._stuck(part, result)
        self._note(result)
        others = (each.stage for each in round_.parts if each is not part)
        if all(stage in _ENDED for stage in others):
            assert round_.reason is not None, "a round was aborted for no reason"
            self._course.over(bundle, round_, round_.reason, round_.code)
        return True

    def _stuck(self, part: Part, result: DeedResult) -> bool:
        """Ask again, for ever: what is decided is done. People must look."""
        if part.again_at_us:
            return False
        again_at_us = self._at_us + self._policy.retry_delay_us
        code = result.code or str(result.outcome)
        self._refuse(result, Reason.REFUSED, code, again_at_us)
        return True

    def _note(self, result: DeedResult) -> None:
        self._done.append(
            e.DoneDeed(result.bundle, result.round, result.reference, result.contract_id)
        )

    def _refuse(self, result: DeedResult, reason: Reason, code: str, again_at_us: int) -> None:
        self._refused.append(
            e.RefusedDeed(result.bundle, result.round, reason, code, result.lacking, again_at_us)
        )


def _reason(bundle: Bundle, round_: Round, part: Part, result: DeedResult) -> Reason:
    if result.code == ACCOUNT:
        return Reason.ACCOUNT_BLOCKED
    if result.code != "lacking":
        return Reason.REFUSED
    securities = {live.terms.security for live in bundle.settlements}
    lacking = {each.asset for each in result.lacking}
    if not lacking:
        lacking = {each.asset for each in (part.terms.locks or part.terms.moves)}
    return Reason.LACK_OF_SECURITIES if lacking & securities else Reason.LACK_OF_CASH


Hear = Callable[[_Hearing, Bundle, Round, Part, DeedResult], bool]
_HEAR: dict[Deed, Hear] = {
    Deed.HOLD: _Hearing.held,
    Deed.POST: _Hearing.posted,
    Deed.EXECUTE: _Hearing.executed,
    Deed.RELEASE: _Hearing.released,
}


def note(
    state: SettlementState, command: NoteDeeds, context: Context, policy: SettlementPolicy
) -> Decision:
    """Decide NoteDeeds."""
    return _Hearing(state, command, policy, context.at_us).run()
