"""What is left of a day of payments when the whole platform is killed in the middle of it?

Everything it acknowledged; cycles, votes and movements on rails that were under way go on where
they were.
"""

from __future__ import annotations

from random import Random

from nostro.cli.demonstration.burst import through_a_kill
from nostro.cli.demonstration.door import Answer
from nostro.cli.demonstration.payday import PAYMENTS, SHORT_MIX, bulks, note, single
from nostro.cli.demonstration.scene import Scene
from nostro.cli.demonstration.traffic import RTGS

SINGLES = 60
SENDERS = 16
MIX_SEED = 11


async def survive(scene: Scene) -> None:
    """Kill the platform while the payments of the evening come in, start it again, and finish."""
    traffic = scene.day.traffic
    alone = traffic.take(SINGLES, {RTGS: 1})
    together = traffic.take(PAYMENTS - len(scene.day.sent) - SINGLES, SHORT_MIX)
    together.sort(key=lambda payment: payment.window != RTGS)
    orders = [single(payment) for payment in alone] + bulks(together)
    Random(MIX_SEED).shuffle(orders)
    await through_a_kill(scene, orders, of="payments", senders=SENDERS, whole=_all_accepted)
    note(scene, [*alone, *together])
    scene.check(f"{PAYMENTS:,} payments are sent", len(scene.day.sent) == PAYMENTS)


def _all_accepted(answer: Answer) -> bool:
    """Tell whether all that was sent with a request is accepted."""
    body = answer.body
    return answer.accepted and (
        "results" not in body or body["accepted"] == len(body["results"]) > 0
    )
