"""Whom does the list of sanctioned parties find, and whom does it leave alone?"""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path
from time import perf_counter

import pytest

from nostro.adapters.screening import FileScreening, ListBroken, normalised, watchlist
from nostro.api import Screening

LIST = """id,name,type,aliases
S-1,Viktor Anatolyevich Petrovsky,person,Victor Petrovskiy,Віктор Петровський
S-2,"Северный Экспорт, ООО",entity,Severny Export LLC
S-3,Gölge Nakliyat A.Ş.,entity
S-4,MV Ocean Spirit,vessel
S-5,José María Núñez O'Brien,person
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "eu list.csv"
    path.write_text(LIST, "utf-8")
    return path


def found(screening: Screening, *names: str) -> list[tuple[str, int]]:
    hits = [hit.split(":") for hit in screening.hits(names)]
    return [(entry, int(score)) for _, entry, score in hits]


def test_without_a_list_nobody_is_found() -> None:
    screening = FileScreening(None)
    assert screening.hits(["Viktor Petrovsky"]) == []
    assert screening.version == ""


@pytest.mark.parametrize(
    "text",
    [
        "S-1\n",
        "S-1,\n",
        "S 1,Name,person\n",
        "S-1,...,person\n",
        "S-1,A Name,person\nS-1,B Name,person\n",
        'S-1,"A Name,person\n',
    ],
)
def test_a_broken_list_is_refused_at_the_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(ListBroken):
        FileScreening(path)


def test_a_list_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        FileScreening(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ListBroken):
        FileScreening(tmp_path / "bytes.csv")


@pytest.mark.parametrize(
    ("name", "hit"),
    [
        ("VICTOR PETROVSKIY", ("S-1", 100)),
        ("Petrovskiy, Victor", ("S-1", 100)),
        ("Viktor Petrovsky", ("S-1", 99)),
        ("Victor Petrovskij", ("S-1", 94)),
        ("Віктор Петровський", ("S-1", 100)),
        ("Severny Export", ("S-2", 100)),
        ("Северный Экспорт", ("S-2", 100)),
        ("GOLGE NAKLIYAT AS", ("S-3", 100)),
        ("M/V Ocean-Spirit", ("S-4", 96)),
        ("Ocean Spirit Shipping", ("S-4", 88)),
        ("Jose Maria Nunez OBrien", ("S-5", 100)),
        ("José M. Núñez O’Brien", ("S-5", 94)),
    ],
)
def test_other_spellings_of_a_listed_name_are_found(
    file: Path, name: str, hit: tuple[str, int]
) -> None:
    assert found(FileScreening(file), name) == [hit]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "Müller & Söhne GmbH",
        "Viktor Nowak",
        "Anna Petrovsky",
        "Atlantic Ocean Freight",
        "Spirit of Tasmania",
        "Maria Lopez",
        "Export Credit Agency",
    ],
)
def test_other_people_are_left_alone(file: Path, name: str) -> None:
    assert found(FileScreening(file), name) == []


def test_a_hit_names_the_version_of_the_list(file: Path) -> None:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    screening = FileScreening(file)
    assert screening.hits(["Severny Export"]) == [f"eu-list@{digest}:S-2:100"]
    assert screening.version == f"eu-list@{digest}"
    assert screening.entries == 5


def test_each_entry_is_told_once_for_all_names(file: Path) -> None:
    assert found(FileScreening(file), "Severny Export", "Severny Export LLC") == [("S-2", 100)]


def test_a_changed_list_is_read_again_and_a_broken_one_is_not(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchlist, "LOOK_EVERY_S", 0.0)
    screening = FileScreening(file)
    assert found(screening, "Anna Petrovsky") == []
    file.write_text(LIST + "S-6,Anna Petrovsky,person\n", "utf-8")
    assert found(screening, "Anna Petrovsky") == [("S-6", 100)]
    file.write_text("S-1\n", "utf-8")
    assert found(screening, "Anna Petrovsky") == [("S-6", 100)]
    os.unlink(file)
    assert found(screening, "Anna Petrovsky") == [("S-6", 100)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Müller & Söhne GmbH", "muller sohne"),
        ("GmbH", "gmbh"),
        ("Łódź Straße", "lodz strasse"),
        ("ＡＢＣ Ltd.", "abc"),
        ("...", ""),
        ("中国 银行", "中国 银行"),
    ],
)
def test_names_are_compared_without_case_accents_and_marks(name: str, text: str) -> None:
    assert normalised(name) == text


def test_ten_thousand_entries_take_a_millisecond(tmp_path: Path) -> None:
    chance = random.Random(7)
    parts = ("ka", "mo", "ri", "ta", "be", "lu", "san", "dor", "ne", "vi", "gol", "ber", "man")

    def name() -> str:
        words = ("".join(chance.choices(parts, k=chance.randint(2, 4))) for _ in range(3))
        return " ".join(words)

    path = tmp_path / "large.csv"
    path.write_text("".join(f"E-{n},{name()},person\n" for n in range(10_000)), "utf-8")
    screening = FileScreening(path)
    asked = [name() for _ in range(200)]
    started = perf_counter()
    screening.hits(asked)
    each_ms = (perf_counter() - started) * 1_000 / len(asked)
    assert each_ms < 3.0, each_ms
