"""Does what the pages show happen when a reader does it?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from nostro.cli import COMMANDS
from tests.docs.examples import ROOT, Block, Example, commands, differs, examples
from tests.e2e.up import Up, clean_environment, up

PAGES = (
    "README.md",
    "docs/start.md",
    "docs/payments.md",
    "docs/orders.md",
    "docs/feeds.md",
    "docs/settlements.md",
)
SETTINGS = {
    "docs/settlements.md": {
        "NOSTRO_SETTLEMENT_DOMAINS": "securities,cash",
        "NOSTRO_SETTLEMENT_RETRY_DELAY_SECONDS": "0.1",  # nobody waits two minutes for an example
    }
}
"""Under which settings the reader of a page has started the platform."""
URL = "http://127.0.0.1:8000"
END = "-- end of example {number} --"
SHELL_TIMEOUT_S = 120
_LINK = re.compile(r"\]\((?!\w+:)([^)#]+)[^)]*\)")
_TARGET = re.compile(r"^(?P<name>[a-z]+):", re.MULTILINE)


@pytest.fixture
def running(tmp_path: Path, page: str) -> Iterator[Up]:
    """A platform on an empty ledger, as the reader of a page has one."""
    with up(tmp_path / "data", tmp_path / "up.log", **SETTINGS.get(page, {})) as one:
        yield one


@pytest.mark.slow
@pytest.mark.xdist_group("e2e")
@pytest.mark.skipif(which("curl") is None, reason="the examples call curl")
@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_print_what_it_shows(page: str, running: Up, tmp_path: Path) -> None:
    found = list(examples(ROOT / page))
    assert found
    printed = _run(found, running, tmp_path)
    for example, said in zip(found, printed, strict=True):
        if example.prints is not None:
            why = differs(example.prints, said)
            assert not why, f"{page}, line {example.run.line}: {why}"


@pytest.mark.parametrize("page", PAGES)
def test_each_command_that_a_page_names_exists(page: str) -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text("utf-8")))
    named = list(commands(ROOT / page))
    assert named
    for command in named:
        words = [word for word in command.split() if "=" not in word]
        if words[:1] == ["make"]:
            assert set(words[1:]) <= targets, command
        elif words[:1] == ["nostro"]:
            assert words[1] in COMMANDS, command


def test_each_link_to_a_file_of_ours_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        for link in _LINK.findall(page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name} leads to {link}"


def test_a_difference_between_page_and_print_is_found() -> None:
    shown = Block("json", '{"height": 4, "recorded_at": "then", "facts": {"a": "1.50"}}', 1)
    assert not differs(shown, '{"height": 4, "recorded_at": "now", "facts": {"a": "1.50"}, "b": 1}')
    assert "/facts/a" in differs(shown, '{"height": 4, "recorded_at": "", "facts": {"a": "1.5"}}')
    assert "not told" in differs(shown, '{"height": 4, "facts": {"a": "1.50"}}')
    assert "2 printed" in differs(shown, "{} {}")
    table = Block("text", "API  …\nstop  Ctrl-C\n", 1)
    assert not differs(table, "API  http://x\nstop  Ctrl-C")
    assert differs(table, "API  http://x\nstop")


def _run(found: list[Example], running: Up, scratch: Path) -> list[str]:
    """Run the examples of a page in one shell, and return what each printed."""
    script = ["set -eu -o pipefail"]
    for number, example in enumerate(found):
        text = example.run.text.replace(URL, running.url)
        if example.run.kind == "python":
            file = scratch / f"example_{number}.py"
            file.write_text(text, "utf-8")
            text = f"'{sys.executable}' '{file}'\n"
        script.append(f"{text}\necho '{END.format(number=number)}'")
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        capture_output=True,
        text=True,
        timeout=SHELL_TIMEOUT_S,
        cwd=scratch,
        env=clean_environment(
            PATH=f"{scripts}{os.pathsep}{os.environ['PATH']}",
            NOSTRO_DATA_DIR=str(running.data_dir),
            NOSTRO_PORT=running.url.rpartition(":")[2],
        ),
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    printed, rest = [], done.stdout
    for number in range(len(found)):
        said, _, rest = rest.partition(END.format(number=number))
        printed.append(said)
    return printed
