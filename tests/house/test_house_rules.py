"""Does the whole source keep the house rules, and can each rule fail?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.rules import (
    FILE_LINES_MAX,
    FUNCTION_LINES_MAX,
    RULES,
    Rule,
    Source,
    no_async_in_quiet_packages,
    no_clock_and_no_chance,
    no_drawer_for_leftovers,
    no_file_beyond_the_ceiling,
    no_float_near_money,
    no_function_beyond_the_wall,
    no_mock_of_our_own_code,
    no_module_without_a_question,
    no_reach_behind_a_room,
    no_unexplained_sleep_in_tests,
    no_unseeded_chance_in_the_simulation,
    no_vendor_in_the_kernel,
)

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "benchmarks")
SOURCES = [
    Source.read(ROOT, file) for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))
]

KERNEL = "src/nostro/kernel/money.py"
LEDGER = "src/nostro/ledger/decide.py"
FLOW = "src/nostro/flows/deposit.py"
ENGINE = "src/nostro/runtime/engine.py"
WEATHER = "src/nostro/simulation/weather.py"
TEST = "tests/rooms/test_ledger.py"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_source_file_keeps_the_rule(rule: Rule) -> None:
    offences = [offence for source in SOURCES for offence in rule(source)]
    assert not offences, f"{rule.__doc__}\n" + "\n".join(map(str, offences))


def test_the_rules_see_the_whole_source() -> None:
    packages = {source.package for source in SOURCES}
    assert {"kernel", "ledger", "wallets", "flows", "runtime", "cli"} <= packages


OFFENDERS: list[tuple[Rule, str, str]] = [
    (no_clock_and_no_chance, KERNEL, "import time"),
    (no_clock_and_no_chance, LEDGER, "from time import monotonic as tick"),
    (no_clock_and_no_chance, LEDGER, "import random as dice"),
    (no_clock_and_no_chance, FLOW, "import secrets"),
    (no_clock_and_no_chance, FLOW, "from uuid import uuid4"),
    (no_clock_and_no_chance, FLOW, "import uuid as u\nu.uuid4()"),
    (no_clock_and_no_chance, FLOW, "import uuid\nuuid.uuid1()"),
    (no_clock_and_no_chance, LEDGER, "import os\nos.urandom(8)"),
    (no_clock_and_no_chance, LEDGER, "import datetime as d\nd.datetime.now(d.UTC)"),
    (no_clock_and_no_chance, LEDGER, "from datetime import datetime\ndatetime.utcnow()"),
    (no_clock_and_no_chance, LEDGER, "from datetime import date\ndate.today()"),
    (no_clock_and_no_chance, LEDGER, "def decide(clock): return clock.now()"),
    (no_clock_and_no_chance, "src/nostro/netting/positions.py", "import numpy.random"),
    (no_unseeded_chance_in_the_simulation, WEATHER, "import random\nrandom.random()"),
    (no_unseeded_chance_in_the_simulation, WEATHER, "import random\nrandom.Random()"),
    (no_unseeded_chance_in_the_simulation, WEATHER, "from uuid import uuid4\nuuid4()"),
    (no_unseeded_chance_in_the_simulation, WEATHER, "import secrets\nsecrets.token_hex(4)"),
    (no_float_near_money, KERNEL, "fee = 0.1"),
    (no_float_near_money, LEDGER, "def rate(text): return float(text)"),
    (no_float_near_money, LEDGER, "half = amount / 2"),
    (no_float_near_money, LEDGER, "amount /= 2"),
    (no_float_near_money, "src/nostro/wallets/state.py", "limit: float"),
    (no_async_in_quiet_packages, LEDGER, "async def decide(): ..."),
    (no_async_in_quiet_packages, FLOW, "async def run(x):\n    await x"),
    (no_file_beyond_the_ceiling, ENGINE, "x = 1\n" * (FILE_LINES_MAX + 1)),
    (no_function_beyond_the_wall, ENGINE, "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX),
    (no_drawer_for_leftovers, "src/nostro/ledger/utils.py", ""),
    (no_drawer_for_leftovers, "tests/helpers/money.py", ""),
    (no_drawer_for_leftovers, "src/nostro/runtime/base.py", ""),
    (no_drawer_for_leftovers, ENGINE, "class AccountManager: ..."),
    (no_module_without_a_question, ENGINE, "x = 1"),
    (no_module_without_a_question, ENGINE, '""" """'),
    (no_vendor_in_the_kernel, KERNEL, "import orjson"),
    (no_vendor_in_the_kernel, KERNEL, "import numpy as np"),
    (no_reach_behind_a_room, FLOW, "from nostro.ledger.state import Account"),
    (no_reach_behind_a_room, "src/nostro/wallets/decide.py", "import nostro.ledger.decide"),
    (no_unexplained_sleep_in_tests, TEST, "import time\ntime.sleep(1)"),
    (no_unexplained_sleep_in_tests, TEST, "async def t(asyncio):\n    await asyncio.sleep(0.1)"),
    (no_mock_of_our_own_code, TEST, "from unittest.mock import patch"),
    (no_mock_of_our_own_code, TEST, "import unittest.mock"),
]

KEEPERS: list[tuple[Rule, str, str]] = [
    (no_clock_and_no_chance, ENGINE, "import time\ntime.monotonic()"),
    (
        no_clock_and_no_chance,
        LEDGER,
        "from datetime import UTC, datetime\ndatetime(2026, 1, 1, tzinfo=UTC)",
    ),
    (no_clock_and_no_chance, FLOW, "def due(at_us, hold): return hold.timeout_us <= at_us"),
    (no_clock_and_no_chance, KERNEL, "from uuid import UUID\nUUID(int=7)"),
    (no_unseeded_chance_in_the_simulation, WEATHER, "import random\nrandom.Random(7).random()"),
    (no_float_near_money, ENGINE, "wait = 0.5 / 2"),
    (no_float_near_money, KERNEL, "half = amount // 2"),
    (no_async_in_quiet_packages, ENGINE, "async def submit(): ..."),
    (no_file_beyond_the_ceiling, ENGINE, "x = 1\n" * FILE_LINES_MAX),
    (no_function_beyond_the_wall, ENGINE, "def f():\n" + "    x = 1\n" * (FUNCTION_LINES_MAX - 1)),
    (no_drawer_for_leftovers, "src/nostro/kernel/money.py", "class Money: ..."),
    (no_module_without_a_question, ENGINE, '"""How does a command become durable?"""'),
    (no_vendor_in_the_kernel, KERNEL, "import msgspec\nimport re\nfrom nostro.kernel import asset"),
    (no_vendor_in_the_kernel, "src/nostro/kernel/seen.py", "import numpy as np"),
    (
        no_reach_behind_a_room,
        FLOW,
        "from nostro.ledger import Post\nfrom nostro.wallets import Hold",
    ),
    (no_reach_behind_a_room, LEDGER, "from nostro.ledger.state import Account"),
    (no_unexplained_sleep_in_tests, TEST, "async def t(asyncio):\n    await asyncio.sleep(0)"),
    (
        no_unexplained_sleep_in_tests,
        TEST,
        "import time\ntime.sleep(1)  # sleeps: a clock must pass",
    ),
    (no_mock_of_our_own_code, TEST, "from nostro.adapters.memory import MemoryJournal"),
]


@pytest.mark.parametrize(("rule", "path", "text"), OFFENDERS)
def test_the_rule_refuses_and_names_place_and_remedy(rule: Rule, path: str, text: str) -> None:
    offences = list(rule(Source.parse(path, text)))
    assert offences
    assert str(offences[0]).startswith(f"{path}:{offences[0].line}: ")
    assert "remedy: " in str(offences[0])


@pytest.mark.parametrize(("rule", "path", "text"), KEEPERS)
def test_the_rule_lets_pass_what_is_right(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(Source.parse(path, text)))


def test_each_rule_has_been_seen_to_refuse_and_to_let_pass() -> None:
    assert {rule for rule, _, _ in OFFENDERS} == set(RULES) == {rule for rule, _, _ in KEEPERS}
