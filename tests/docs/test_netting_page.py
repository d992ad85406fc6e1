"""Does the page on netting show what its examples print?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.examples import ROOT, Example, differs, examples

PAGE = ROOT / "docs" / "netting.md"
FOUND = list(examples(PAGE))
TIMEOUT_S = 60


@pytest.mark.parametrize("example", FOUND, ids=lambda example: f"line {example.run.line}")
def test_an_example_prints_what_the_page_shows(example: Example, tmp_path: Path) -> None:
    shell = ["bash", "-eu", "-c"] if example.run.kind == "sh" else [sys.executable, "-c"]
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        [*shell, example.run.text],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert example.prints is not None
    why = differs(example.prints, done.stdout)
    assert not why, why


def test_the_page_has_examples_of_both_kinds() -> None:
    assert {example.run.kind for example in FOUND} == {"sh", "python"}
