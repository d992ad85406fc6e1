"""Does an audit find a payment that is called final and is not booked?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from nostro.kernel.messages import Event
from nostro.ledger import TransfersRecorded
from nostro.payments import PaymentsReversed, PaymentsSettled
from nostro.runtime.ports import GENESIS_HASH, Entry, sealed
from nostro.runtime.verify import Contradiction
from nostro.wiring.finality import FinalityCheck
from tests.flows.clearing import Clearing


def entry(height: int) -> Entry:
    return sealed(
        chain="main",
        height=height,
        command_id=f"k{height}",
        request_hash=bytes(32),
        actor="",
        room="",
        stream="",
        kind="",
        at_us=height,
        payload=b"[]",
        reply=b"[]",
        prev_hash=GENESIS_HASH,
    )


@pytest.fixture
def row() -> list[Event]:
    """All that happened when a payment in two currencies became final."""
    clearing = Clearing()
    assert clearing.pay("p1", "A", "B", 1_000, destination="USD").accepted
    clearing.close_window()
    return clearing.events


def without(events: Sequence[Event], id_: str) -> list[Event]:
    """The same without a line."""
    return [
        msgspec.structs.replace(each, lines=[line for line in each.lines if line.id != id_])
        if isinstance(each, TransfersRecorded)
        else each
        for each in events
    ]


def test_a_final_payment_that_is_booked_is_sound(row: list[Event]) -> None:
    check = FinalityCheck()
    check.hear(entry(7), row)
    check.finish()
    assert check.told().startswith("1 settled")


@pytest.mark.parametrize("id_", ["payment.post:p1", "payment.fx:p1"])
def test_a_final_payment_without_one_of_its_bookings_is_found(row: list[Event], id_: str) -> None:
    with pytest.raises(Contradiction) as found:
        FinalityCheck().hear(entry(7), without(row, id_))
    assert id_ in str(found.value)


def test_another_amount_is_no_booking(row: list[Event]) -> None:
    changed = [
        msgspec.structs.replace(
            each,
            items=[msgspec.structs.replace(i, destination_minor=1_101) for i in each.items],
        )
        if isinstance(each, PaymentsSettled)
        else each
        for each in row
    ]
    with pytest.raises(Contradiction):
        FinalityCheck().hear(entry(7), changed)


def test_a_reversal_is_to_be_booked_too(row: list[Event]) -> None:
    (settled,) = [each for each in row if isinstance(each, PaymentsSettled)]
    claimed = PaymentsReversed(settled.cycle_id, settled.items, "error", "operator")
    with pytest.raises(Contradiction):
        FinalityCheck().hear(entry(8), [claimed])
