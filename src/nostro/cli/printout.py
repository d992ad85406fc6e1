"""How does a command show its result to people and to programs?

The result goes to stdout, as a table, one JSON document or JSON lines; everything else (progress,
notes, complaints) goes to stderr. Colour needs a terminal and ends at NO_COLOR.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

# Without a terminal there is no edge to wrap at: a line of a table stays one line.
UNBOUNDED_COLUMNS = 10_000


class Output(StrEnum):
    """The form of the result on stdout."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="Form of the result on stdout.", show_default=True)
]

Record = Mapping[str, object]


def rows(records: Sequence[Record], output: Output, *, right: Sequence[str] = ()) -> None:
    """Print records of one shape: a table, a JSON array, or a JSON object a line.

    `right` names the columns set flush right. Amounts come in as decimal strings, never as floats.
    """
    match output:
        case Output.JSON:
            print_line(json.dumps(list(records), default=str, ensure_ascii=False, indent=2))
        case Output.JSONL:
            for record in records:
                print_line(json.dumps(record, default=str, ensure_ascii=False))
        case Output.TABLE:
            _console(stderr=False).print(_table(records, right))


def facts(record: Record, output: Output) -> None:
    """Print one record: a table of name and value, or one JSON object."""
    match output:
        case Output.JSON:
            print_line(json.dumps(record, default=str, ensure_ascii=False, indent=2))
        case Output.JSONL:
            print_line(json.dumps(record, default=str, ensure_ascii=False))
        case Output.TABLE:
            table = Table(show_header=False, box=None, pad_edge=False)
            table.add_column(style="bold", no_wrap=True)
            table.add_column(overflow="fold")
            for name, value in record.items():
                table.add_row(escape(name), escape(_text(value)))
            _console(stderr=False).print(table)


def print_line(text: str) -> None:
    """Write one line to stdout as it is."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Tell people something on stderr."""
    _console(stderr=True).print(escape(text), soft_wrap=True, highlight=False)


def complain(what: str, remedy: str = "") -> None:
    """Say on stderr what is wrong, and what mends it."""
    console = _console(stderr=True)
    console.print(f"[bold red]error:[/] {escape(what)}", soft_wrap=True, highlight=False)
    if remedy:
        console.print(f"[bold]remedy:[/] {escape(remedy)}", soft_wrap=True, highlight=False)


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show on stderr how far `label` has come; the body calls what it is given with its advance.

    On a terminal a bar; elsewhere one line at the start and one at the end.
    """
    console = _console(stderr=True)
    if not console.is_terminal:
        done = 0

        def count(advance: int) -> None:
            nonlocal done
            done += advance

        note(f"{label} ...")
        yield count
        note(f"{label}: {done} of {total}")
        return

    from rich.progress import Progress  # worth its loading time only on a terminal

    with Progress(console=console) as bar:
        task = bar.add_task(escape(label), total=total)
        yield lambda advance: bar.advance(task, advance)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else UNBOUNDED_COLUMNS)


def _table(records: Sequence[Record], right: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    names = list(records[0]) if records else []
    for name in names:
        table.add_column(
            escape(name), justify="right" if name in right else "left", overflow="fold"
        )
    for record in records:
        table.add_row(*(escape(_text(record[name])) for name in names))
    return table


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case Mapping():
            return ", ".join(f"{key}={_text(item)}" for key, item in value.items())
        case list() | tuple():
            return ", ".join(map(_text, value)) or "-"
        case _:
            return str(value)
