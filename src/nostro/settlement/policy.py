"""Under which rules does this deployment settle: time limits, tries, bounds, days?"""

from __future__ import annotations

import msgspec

from nostro.settlement.calendar import SettlementDays, every_day

SECOND_US = 1_000_000


class SettlementPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the room decides by. It is told in events as far as it matters, so a replay does not
    depend on it.

    `coordinator`: the name of this chain, also that of its own ledger as a domain. `domains`: the
    others. `timeout_us`: from the start of a round to its last moment for a decision.
    `retry_attempts`: how often a refused hold is asked again within a round, `retry_delay_us`
    apart. `batch_size`: rounds in one deed. `recycles_max`: cycles in which a settlement is tried
    again after the one in which it failed. `partial_windows`: when what lacks something is settled
    in part where both sides allow it, in minutes of which a settlement day has 1,440.
    `unmatched_days_max`: days after which an instruction is cancelled that the other side never
    matched, from its settlement day or, if that is later, from when it came. `unmatched_max`: how
    many of one party wait at most. `failed_days_max`: days for which what failed may be retried.
    """

    coordinator: str = "main"
    domains: tuple[str, ...] = ()
    days: SettlementDays = every_day()
    timeout_us: int = 300 * SECOND_US
    retry_attempts: int = 3
    retry_delay_us: int = 30 * SECOND_US
    batch_size: int = 100
    recycles_max: int = 10
    partial_windows: tuple[int, ...] = (480, 600, 720, 840, 930)
    """08:00, 10:00, 12:00, 14:00 and 15:30: the windows of T2S."""
    unmatched_days_max: int = 20
    unmatched_max: int = 10_000
    failed_days_max: int = 60
