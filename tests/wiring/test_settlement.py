"""On which days does a deployment settle whose days are shorter, for demonstrations?"""

from __future__ import annotations

from pathlib import Path

from nostro.wiring.settings import load_settings
from nostro.wiring.settlement import policy_of


def test_shortened_days_are_the_same_for_every_part_and_after_a_restart(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "new", settlement_day_seconds=2.0)
    first, again = policy_of(settings).days, policy_of(settings).days
    now_us = 1_800_000_000_000_000
    assert first.day_of(now_us) == again.day_of(now_us)
    assert first.start_of(800_000) == again.start_of(800_000)
    assert first.day_of(now_us + 2_000_000) == first.day_of(now_us) + 1
