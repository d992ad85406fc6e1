"""Does the page on liquidity providers show what its example prints?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.examples import ROOT, Example, differs, examples

PAGE = ROOT / "docs" / "liquidity.md"
FOUND = list(examples(PAGE))
TIMEOUT_S = 60


@pytest.mark.parametrize("example", FOUND, ids=lambda example: f"line {example.run.line}")
def test_an_example_prints_what_the_page_shows(example: Example, tmp_path: Path) -> None:
    assert example.run.kind == "python"
    assert example.prints is not None
    done = subprocess.run(
        [sys.executable, "-c", example.run.text],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=tmp_path,
        env=os.environ,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not differs(example.prints, done.stdout)


def test_the_page_tells_the_numbered_lists_word_for_word() -> None:
    page = " ".join(PAGE.read_text("utf-8").split())
    for suite in ("provider", "performer"):
        text = (ROOT / "tests" / "contracts" / f"test_liquidity_{suite}.py").read_text("utf-8")
        numbered = [line for line in text.split('"""')[1].splitlines() if line]
        entries: list[str] = []
        for line in numbered:
            if line[0] in "LP" and line[1:3].strip().isdigit():
                entries.append(" | ".join(line.split(maxsplit=1)))
            elif line.startswith("    ") and entries:
                entries[-1] += f" {line.strip()}"
        assert len(entries) >= 12
        assert [entry for entry in entries if f"| {entry} |" not in page] == []
