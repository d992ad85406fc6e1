"""The page about deposits and withdrawals says what the code does."""

import re
from pathlib import Path

import pytest

from nostro.wallets import DepositState, WithdrawalState

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "life-of-a-deposit.md").read_text("utf-8")


def test_every_refusal_is_on_the_page_and_no_other() -> None:
    told = re.findall(r"^\| `(wallets\.\w+)` \|", PAGE, re.MULTILINE)
    meant: set[str] = set()
    for room in ("wallets", "flows"):
        for file in (ROOT / "src" / "nostro" / room).glob("*.py"):
            text = re.sub(r'tag="[^"]+"', "", file.read_text("utf-8"))
            meant.update(re.findall(r'"(wallets\.[a-z_]+)"', text))
    assert sorted(told) == sorted(meant)


@pytest.mark.parametrize("states", [DepositState, WithdrawalState])
def test_every_state_is_on_the_page(states: type[DepositState | WithdrawalState]) -> None:
    heading = "deposit" if states is DepositState else "withdrawal"
    section = PAGE.partition(f"### States of a {heading}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(states)
