"""In which order do the acts of the demo follow each other, and how does it end?

It ends in order whatever happens: after a failure and after an interrupt too, the platform is
stopped and its directory removed.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from nostro.cli import printout
from nostro.cli.demonstration import (
    banks,
    blackout,
    customers,
    delivery,
    exchange,
    finality,
    lives,
    outage,
    payday,
    payouts,
    proof,
    reckoning,
    report,
    retries,
    savings,
    severed,
    statements,
    trading,
    transfers,
)
from nostro.cli.demonstration.door import Unanswered
from nostro.cli.demonstration.scene import Broken, Scene
from nostro.cli.demonstration.stage import Stage, prepared
from nostro.cli.exits import Exit

WITNESS = transfers.DMITRI
"""The account whose balance is written down after each act. No payout, whose rows come when the
rail wants, ever touches it."""
TERMINATED = 128 + signal.SIGTERM


class Act(NamedTuple):
    """A part of the demo: its title, and what happens in it."""

    title: str
    deed: Callable[[Scene], Awaitable[None]]


OPENING = (
    Act("the platform starts: PostgreSQL, schema, engine, API, views", Scene.raise_curtain),
    Act("the house opens its books", customers.open_books),
    Act("customers bring in money, in nine assets", customers.bring_in),
)
MIDDLE = (
    Act("transfers, one by one", transfers.move_singly),
    Act("transfers in bulk", transfers.pay_salaries),
    Act("holds: posted in part, voided, voided before they came", transfers.hold_and_release),
    Act("linked chains, a balancing transfer, a reversal", transfers.move_together),
    Act("an account is frozen for a while", transfers.freeze),
    Act("currencies are exchanged", exchange.exchange),
    Act("money goes out, with approvals", payouts.pay_out),
    Act("everything is asked for twice", retries.repeat),
    Act("the platform is killed in the middle of its work", outage.survive),
)
PAYMENTS = (
    Act("thirty banks open their accounts and fund them", banks.open_banks),
    Act("payments come in, while a rail is down at one site", payday.morning),
    Act("a storm of duplicates and conflicts", payday.storm),
    Act("liquidity is short for a cycle", payday.shortfall),
    Act("a bank fails while others pay to it", payday.bank_fails),
    Act("the platform is killed in the middle of the payments", blackout.survive),
    Act("every payment comes to its end", finality.reach),
    Act("the rails' own books are compared", statements.compare),
    Act("two payments are followed through their lives", lives.follow),
    Act("certificates, evidence, savings and times are looked at", savings.look),
)
SESSION = (
    Act("markets open, and a hundred traders bring money", trading.open_session),
    Act("50,000 orders come in, and the platform is killed in the middle", trading.trade),
    Act("what trading came to is added up", reckoning.reckon),
)
DELIVERY = (
    Act("securities and cash are issued at three ledgers", delivery.issue),
    Act("2,000 settlements: at once, in two days, all or none, in part, late", delivery.settle),
    Act("a ledger is away while settlements come in", severed.ledger_away),
    Act("the coordinator is killed between the two executions", severed.coordinator_killed),
    Act("every settlement comes to its end", delivery.reach_the_end),
    Act("what settlements came to is added up, at every ledger", delivery.look_back),
)
PROOF = (Act("the books are compared, added up and audited", proof.prove),)
ACTS = (*OPENING, *MIDDLE, *PAYMENTS, *SESSION, *DELIVERY, *PROOF)


def run(data_dir: Path | None = None, *, keep: bool = False, acts: Sequence[Act] = ACTS) -> Exit:
    """Play the acts on a fresh platform and print the report; `data_dir` and `keep` as for
    `stage.prepared`.

    Returns CHECK_FAILED unless every check holds. Raises Failure when the platform cannot be
    started, and SystemExit after SIGTERM.
    """
    with prepared(data_dir, keep=keep) as stage:
        try:
            return asyncio.run(_play(stage, acts))
        except asyncio.CancelledError:
            raise SystemExit(TERMINATED) from None
        finally:
            if keep:
                printout.note(f"the data stays in {stage.data_dir}")


async def _play(stage: Stage, acts: Sequence[Act]) -> Exit:
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    scene, started = Scene(stage), time.monotonic()
    try:
        await _perform(scene, acts)
    except (Broken, Unanswered) as error:
        scene.check(str(error), False, stage.log_tail())
    finally:
        await scene.door.close()
        await stage.stop()
    report.tell(scene, seconds=time.monotonic() - started)
    return Exit.OK if scene.all_well else Exit.CHECK_FAILED


async def _perform(scene: Scene, acts: Sequence[Act]) -> None:
    for number, act in enumerate(acts, 1):
        printout.note(f"[{number:2}/{len(acts)}] {act.title}")
        await act.deed(scene)
        if WITNESS in scene.books.accounts:
            scene.remember(WITNESS)
