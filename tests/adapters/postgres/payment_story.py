"""Two cycles of payments, told event by event: what every view has something to show of."""

from __future__ import annotations

from contextlib import closing

from nostro.adapters.postgres.follower import PostgresViews
from nostro.consensus import (
    CommitteeFormed,
    ConsensusAchieved,
    ConsensusRejected,
    ConsensusSubmitted,
    EvidenceRecorded,
)
from nostro.consensus.events import EVENTS as CONSENSUS_EVENTS
from nostro.execution import (
    AttemptEnded,
    AttemptPostponed,
    AttemptStarted,
    BatchCertified,
    BreakNoted,
    CircuitClosed,
    CircuitOpened,
    Direction,
    FundsSecured,
    InstructionFailed,
    InstructionSettled,
    NewInstruction,
    OutcomeAsked,
    Purpose,
    SettlementConfirmed,
    SettlementFailed,
    SettlementInitiated,
    SettlementPlanned,
    SettlementReversed,
)
from nostro.execution.events import EVENTS as EXECUTION_EVENTS
from nostro.kernel.codec import encode_events, encode_reply
from nostro.kernel.messages import Event, Tick
from nostro.kernel.reply import Reply
from nostro.kernel.room import Position
from nostro.ledger import LedgerRoom
from nostro.netting import (
    BatchCreated,
    BatchItem,
    BatchOptimized,
    Caps,
    CostReport,
    CycleClosed,
    CycleOpened,
    FxTrade,
    Obligation,
    PlanRefused,
    Position as NetPosition,
    Rate,
    RateSet,
)
from nostro.netting.events import EVENTS as NETTING_EVENTS
from nostro.payments import (
    BatchAssigned,
    CycleItem,
    ParticipantFunded,
    ParticipantOpened,
    ParticipantResumed,
    ParticipantSuspended,
    PaymentsDeferred,
    PaymentsFailed,
    PaymentsReversed,
    PaymentsSettled,
    Released,
    ReviewApproved,
    Settled,
    Submitted,
    TransactionCancelled,
    TransactionsDeduped,
    TransactionsRefused,
    TransactionsSubmitted,
    WindowClosed,
)
from nostro.payments.events import EVENTS as PAYMENTS_EVENTS
from nostro.risk import (
    AlertCleared,
    AlertRaised,
    Change,
    ExposureReleased,
    ExposureReserved,
    LimitSet,
    ThresholdSet,
)
from nostro.risk.events import EVENTS as RISK_EVENTS
from nostro.runtime.house import House
from nostro.runtime.projector import Projector
from tests.adapters.postgres.chronicle import STEP_US, Chronicle, catch_up

FIRST = "2023-11-14T2230Z"
SECOND = "2023-11-15T1600Z"
CUT_OFF_US = 1_700_001_000_000_000
RATES = RateSet("ab" * 32, "file", "reference", 1, 2, [Rate("EUR", "USD", 11, 10)])
REPORT = CostReport("USD", 2_000, 1_500, 900, 800, 125_000, 3, 2, 50, 40, 550_000, "milp", 77)


class DeafRoom:
    """A room whose events are told to the views and change nothing: the views need no more."""

    commands = ()

    def __init__(self, name: str, events: tuple[type[Event], ...]) -> None:
        self.name = name
        self.events = events

    def new(self) -> None:
        """Return nothing."""

    def evolve(self, state: None, event: Event, position: Position) -> None:
        """Change nothing."""

    def settle(self, state: None, height: int) -> None:
        """Let nothing go."""


def deaf_house() -> House:
    """Return a house with the real ledger, in which any events may be told."""
    rooms = {
        "payments": PAYMENTS_EVENTS,
        "netting": NETTING_EVENTS,
        "consensus": CONSENSUS_EVENTS,
        "execution": EXECUTION_EVENTS,
        "risk": RISK_EVENTS,
    }
    deaf = [DeafRoom(name, events) for name, events in rooms.items()]
    return House(rooms=(LedgerRoom(), *deaf), flows={})  # type: ignore[arg-type]


class Story(Chronicle):
    """A journal whose rows have the events they are given."""

    def __init__(self) -> None:
        super().__init__()
        self.house = deaf_house()
        self.memory = self.house.new()
        self.memory.at_us = 1_700_000_000_000_000

    def happen(self, *events: Event) -> int:
        """Add a row with these events and return its height."""
        at_us = self.memory.at_us + STEP_US
        entry = self.add(Tick(), encode_events(events), encode_reply(Reply()), at_us)
        return entry.height


def follow_story(url: str, *, rows_max: int | None = None) -> int:
    """Let a follower that knows all rooms take in what there is; return the height."""
    house = deaf_house()
    with closing(PostgresViews(url, rooms=house.rooms)) as store:
        one = Projector(house, store, snapshot_every=0)
        one.open()
        if rows_max is None:
            catch_up(one)
        else:
            while one._advance(rows_max=rows_max, up_to=None):
                pass
        return one.checkpoint.height


def submitted(
    id_: str,
    payer: str = "alba",
    payee: str = "bora",
    *,
    minor: int = 100,
    source: str = "EUR",
    destination: str = "EUR",
    cycle_id: str = FIRST,
    window: str = "t+0",
    details: dict[str, str] | None = None,
    hits: list[str] | None = None,
) -> Submitted:
    """Return a payment as accepted."""
    return Submitted(
        id_,
        payer,
        source,
        minor,
        payee,
        destination,
        f"vostro:{payee}:{destination}",
        window,
        5,
        cycle_id,
        CUT_OFF_US,
        "2023-11-14",
        "0" * 16,
        "",
        details,
        hits,
    )


def released(id_: str, reason: str) -> Released:
    """Return a payment that ends without settling."""
    return Released(id_, "alba", "EUR", 100, "bora", reason, "EUR")


def settled(id_: str, minor: int, destination: str = "EUR", received: int = 100) -> Settled:
    """Return a payment that is final."""
    return Settled(id_, "alba", "EUR", minor, "bora", destination, received)


def assigned(cycle_id: str, number: int, of: int, items: list[tuple[str, int]]) -> list[Event]:
    """Return what makes a batch of payments and puts it to the members."""
    batch_id = f"{cycle_id}.{number}"
    told = [BatchItem(id_, "alba", "EUR", minor, "bora", "EUR", minor) for id_, minor in items]
    return [
        BatchCreated(cycle_id, batch_id, number, of, told, "2023-11-14", RATES, 3),
        BatchAssigned(cycle_id, batch_id, items),
        ConsensusSubmitted(cycle_id, batch_id, "cd" * 32),
    ]


def planned(cycle_id: str, batch_ids: list[str], deferred: list[tuple[str, str]]) -> list[Event]:
    """Return what plans a cycle of two positions and one gross payment."""
    return [
        BatchOptimized(
            cycle_id,
            batch_ids,
            [("t2", "bora", "USD", 220)],
            deferred,
            [NetPosition("alba", "EUR", -300), NetPosition("bora", "EUR", 100)],
            [FxTrade("EUR", 200, "USD", 220)],
            RATES,
            REPORT,
        ),
        SettlementPlanned(cycle_id, batch_ids, instructions(cycle_id)),
    ]


def instructions(cycle_id: str) -> list[NewInstruction]:
    """Return one pay-in, one pay-out of a position, and one gross pay-out."""
    return [
        NewInstruction(f"{cycle_id}:alba:EUR", "alba", "EUR", Direction.IN, 300, Purpose.POSITION),
        NewInstruction(f"{cycle_id}:bora:EUR", "bora", "EUR", Direction.OUT, 100, Purpose.POSITION),
        NewInstruction(f"{cycle_id}:t2", "bora", "USD", Direction.OUT, 220, Purpose.GROSS, "t2"),
    ]


def whole_story() -> Story:
    """Tell a cycle that fails and one that settles: t1 settles in the second, t2 is reversed, t3
    was held and fails, t4 is refused, t5 cancelled, t6 deferred by the plan; t7 waits."""
    story = Story()
    before_the_window(story)
    failing_cycle(story)
    settling_cycle(story)
    return story


def before_the_window(story: Story) -> None:
    """Tell of participants, limits, and submissions."""
    for id_, name in (("alba", "Alba\tBank"), ("bora", "Bora"), ("cira", "Cira")):
        story.happen(
            ParticipantOpened(id_, name, "", "", "IT", ["EUR", "USD"], {"EUR": 500}),
            CommitteeFormed("main", len(story.entries), [("m1", "aa", "bb")], 1, 1),
        )
    story.happen(
        ParticipantOpened("alba", "Alba", "ALBAITMM", "", "IT", ["JPY"], {}),
        ParticipantFunded("alba", "EUR", 1_000, "ref"),
        ParticipantSuspended("cira", "late"),
        ParticipantSuspended("bora", "late"),
        ParticipantResumed("bora"),
        LimitSet("bilateral", "EUR", "alba", "bora", 900, "ops"),
        LimitSet("single", "EUR", "", "", 50, "ops"),
        LimitSet("single", "EUR", "", "", None, "ops"),
        ThresholdSet("bilateral", 800_000, "ops"),
    )
    story.happen(
        TransactionsSubmitted(
            [
                submitted("t1", details={"note": 'a "b" \\u0000 \0 c\n'}),
                submitted("t2", minor=200, destination="USD"),
                submitted("t3", hits=["list:x:97"]),
                submitted("t4", minor=9_999),
                submitted("t5"),
                submitted("t6"),
            ],
            "alba-clerk",
        ),
        ExposureReserved([Change("alba", "bora", "EUR", 700, 5, 500)]),
        AlertRaised("bilateral", "alba", "bora", "EUR", 800, 900, 888_888),
        TransactionsRefused([("t4", "ledger.insufficient_funds")]),
    )
    story.happen(TransactionsDeduped(["t1", "t2"], "alba-clerk"))
    story.happen(
        TransactionCancelled(released("t5", "mistake"), "alba-clerk"),
        ExposureReleased([Change("alba", "bora", "EUR", -100, -1, -100)]),
        AlertCleared("bilateral", "alba", "bora", "EUR"),
    )
    story.happen(ReviewApproved("t3", FIRST, CUT_OFF_US, "supervisor"))


def failing_cycle(story: Story) -> None:
    """Tell of a cycle whose pay-in fails: t3 fails with its bank, the others are deferred."""
    items = [CycleItem(id_, "alba", "EUR", 100, "bora", "EUR", 5, 1, 0) for id_ in ("t1", "t2")]
    owed = [Obligation("t1", "alba", "EUR", 100, "bora", "EUR")]
    story.happen(
        WindowClosed(FIRST, False, CUT_OFF_US, "2023-11-14", items),
        CycleOpened(FIRST, False, "2023-11-14", owed * 4, Caps(platform=[("EUR", 5)])),
    )
    story.happen(PlanRefused(FIRST, "netting.rates_stale", 1, False, "2023-11-14", owed, Caps()))
    batches = [f"{FIRST}.1", f"{FIRST}.2"]
    story.happen(
        *assigned(FIRST, 1, 2, [("t1", 100), ("t2", 220)]),
        *assigned(FIRST, 2, 2, [("t3", 100)]),
        *planned(FIRST, batches, [("t6", "liquidity")]),
        PaymentsDeferred(FIRST, [("t6", "liquidity", SECOND, CUT_OFF_US + 1)]),
    )
    for number, batch_id in enumerate(batches, start=1):
        story.happen(achieved(FIRST, batch_id, number), BatchCertified(FIRST, batch_id, 2 - number))
    pay_in = instructions(FIRST)[0]
    story.happen(
        SettlementInitiated(FIRST, batches), AttemptStarted(FIRST, pay_in, 1, "rtgs", "eu")
    )
    story.happen(AttemptEnded(FIRST, pay_in.instruction_id, 1, "rtgs", "eu", "refused", "x", 0))
    story.happen(
        CircuitOpened("rtgs", "eu", CUT_OFF_US, "fails"),
        CircuitClosed("rtgs", "eu"),
        CircuitOpened("swift", "us", CUT_OFF_US, "fails"),
        InstructionFailed(FIRST, pay_in, "counterparty_failed"),
        SettlementFailed(
            FIRST,
            batches,
            "alba",
            "counterparty_failed",
            [NewInstruction(f"{FIRST}:r", "bora", "EUR", Direction.OUT, 7, Purpose.RETURN)],
        ),
        PaymentsFailed(FIRST, [released("t3", "counterparty_failed")]),
        PaymentsDeferred(
            FIRST,
            [
                ("t1", "counterparty_failed", SECOND, CUT_OFF_US + 1),
                ("t2", "counterparty_failed", SECOND, CUT_OFF_US + 1),
            ],
        ),
        CycleClosed(FIRST, "unwound"),
    )


def achieved(cycle_id: str, batch_id: str, height: int) -> ConsensusAchieved:
    """Return a certificate."""
    return ConsensusAchieved(
        cycle_id, batch_id, 1, height, 0, "ef" * 32, "ZW50cnk=", "Y2VydA==", ["m1", "m2", "m3"]
    )


def settling_cycle(story: Story) -> None:
    """Tell of the next cycle, up to a reversal; one batch of another cycle is rejected."""
    owed = [Obligation("t1", "alba", "EUR", 100, "bora", "EUR")] * 3
    batch_id = f"{SECOND}.1"
    story.happen(
        TransactionsSubmitted([submitted("t7", "cira", cycle_id="later")], "cira-clerk"),
        WindowClosed(SECOND, False, CUT_OFF_US + 1, "2023-11-15", []),
        CycleOpened(SECOND, False, "2023-11-15", owed, Caps()),
    )
    story.happen(
        *assigned(SECOND, 1, 1, [("t1", 100), ("t2", 220), ("t6", 100)]),
        *planned(SECOND, [batch_id], []),
    )
    story.happen(
        achieved(SECOND, batch_id, 3),
        BatchCertified(SECOND, batch_id, 0),
        SettlementInitiated(SECOND, [batch_id]),
    )
    pay_in, position, gross = instructions(SECOND)
    name = pay_in.instruction_id
    story.happen(AttemptStarted(SECOND, pay_in, 1, "rtgs", "eu"))
    story.happen(
        AttemptEnded(SECOND, name, 1, "rtgs", "eu", "unknown", "", CUT_OFF_US),
        AttemptPostponed(SECOND, pay_in, 1, [("rtgs", "eu")]),
        OutcomeAsked(SECOND, name, 1, "rtgs", "eu"),
        OutcomeAsked(SECOND, name, 1, "rtgs", "eu"),
    )
    story.happen(
        InstructionSettled(SECOND, pay_in, "rtgs", "R-1", 3, "rtgs"),
        FundsSecured(SECOND, [batch_id], [position, gross], []),
        PaymentsSettled(
            SECOND,
            batch_id,
            [settled("t1", 100), settled("t2", 200, "USD", 220), settled("t6", 100)],
        ),
        ExposureReleased([Change("alba", "bora", "EUR", -600, -4, -400)]),
        CycleClosed(SECOND, "settled", [FxTrade("EUR", 200, "USD", 220)]),
    )
    story.happen(
        BreakNoted(SECOND, name, "amount", "ops"),
        SettlementConfirmed(SECOND, [batch_id], [position.instruction_id]),
        EvidenceRecorded("m4", 1, 3, 0, "prevote", "Zmlyc3Q=", "c2Vjb25k"),
    )
    story.happen(
        SettlementReversed(SECOND, [batch_id], ["t2"], "fraud", "ops"),
        PaymentsReversed(SECOND, [settled("t2", 200, "USD", 220)], "fraud", "ops"),
        *assigned("rtgs.9", 1, 1, []),
        ConsensusRejected("rtgs.9", "rtgs.9.1", 1, 4, 0, "Y2VydA==", "rates"),
    )
