"""How does a bank send a file of payments?"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
import typer

from nostro.cli import printout
from nostro.cli.exits import Exit, Failure
from nostro.cli.printout import Output, OutputOption

if TYPE_CHECKING:
    import httpx

PATH = "/api/v1/transactions/bulk"
CHUNK_MAX = 10_000
CHUNK = 5_000
CHUNK_BYTES = 4_000_000
"""Half of what the platform takes in one request."""
ATTEMPTS_MAX = 6
FIRST_PAUSE_S = 0.5
"""Before the second attempt; it doubles: six attempts take 16 s."""
TIMEOUT_S = 60.0
RETRYABLE = frozenset({408, 429, 502, 503, 504})
PACS_READER = ("nostro.adapters.iso20022", "read_pacs008")


class Form(StrEnum):
    """How the file is written; by default its name and its first character tell."""

    CSV = "csv"
    JSONL = "jsonl"
    PACS008 = "pacs008"


class Line(NamedTuple):
    """A payment of the file: where it stands, and as JSON."""

    number: int
    json: bytes


class Report:
    """What became of the payments of a file."""

    def __init__(self) -> None:
        self.accepted = 0
        self.held = 0
        self.duplicates = 0
        self.refused = 0
        self.height = 0
        self.rows: list[printout.Record] = []

    def refuse(self, number: int, code: str, detail: str, transaction_id: str = "") -> None:
        """Note a payment that was not sent, or not taken."""
        self.refused += 1
        self._row(number, transaction_id, "refused", code, detail)

    def hear(self, lines: list[Line], told: Mapping[str, Any]) -> None:
        """Note what the platform said of a chunk."""
        self.accepted += told["accepted"]
        self.held += told["held"]
        self.duplicates += told["duplicates"]
        self.height = told["height"]
        for each in told["results"]:
            number = lines[each["index"]].number
            name, code, detail = each["transaction_id"], each.get("code", ""), each.get("detail")
            if each["result"] == "refused":
                self.refuse(number, code, detail or "", name)
            elif each["result"] == "held":
                self._row(number, name, "held", code, detail or "")

    def _row(self, number: int, transaction_id: str, result: str, code: str, detail: str) -> None:
        self.rows.append(
            {
                "line": number,
                "transaction_id": transaction_id,
                "result": result,
                "code": code,
                "detail": detail,
            }
        )

    def facts(self) -> dict[str, object]:
        """Return the counts."""
        return {
            "accepted": self.accepted,
            "held": self.held,
            "accepted_before": self.duplicates,
            "refused": self.refused,
            "height": self.height,
        }


def register(app: typer.Typer) -> None:
    """Add `nostro pay` to the command line."""
    app.command("pay")(pay)


def pay(
    file: Annotated[Path, typer.Argument(help="CSV, JSON lines or pacs.008.")],
    url: Annotated[
        str | None, typer.Option(help="The platform; by default that of the settings.")
    ] = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="By default the name of the file tells.")
    ] = None,
    chunk: Annotated[
        int, typer.Option(min=1, max=CHUNK_MAX, help="Payments of one request.")
    ] = CHUNK,
    actor: Annotated[str, typer.Option(help="Who sends them.")] = "operator",
    output: OutputOption = Output.TABLE,
) -> None:
    """Send a file of payments to a running platform. Status 1: some were refused.

    Each line is one payment with the fields of POST /api/v1/transactions; of a CSV the first line
    names them. May be sent again after a failure: what was accepted is not accepted twice.
    """
    if not file.is_file():
        raise Failure(f"there is no file {file}", status=Exit.USAGE)
    form = form or form_of(file)
    report = Report()
    with (
        _client(url, actor) as client,
        printout.progress(f"sending {file.name}", count_in(file, form)) as advance,
    ):
        for lines in chunks(payments_in(file, form, report), chunk):
            report.hear(lines, send(client, lines))
            advance(len(lines))
    _show(report, output)
    if report.refused:
        raise Failure(
            f"{report.refused} payments were refused, {report.accepted} accepted",
            remedy="mend the refused ones in the file and send it again: what was accepted is not "
            "accepted twice",
            status=Exit.CHECK_FAILED,
        )


def _show(report: Report, output: Output) -> None:
    rows = sorted(report.rows, key=lambda row: int(str(row["line"])))
    if output is Output.JSON:
        printout.facts({**report.facts(), "not_accepted": rows}, output)
        return
    if rows:
        printout.rows(rows, output, right=("line",))
    printout.note(
        f"accepted {report.accepted} (held for review {report.held}), accepted before "
        f"{report.duplicates}, refused {report.refused}; height {report.height}"
    )


# -- the file --------------------------------------------------------------------------------------


def form_of(file: Path) -> Form:
    """Return how a file is written, by its name, else by its first character."""
    by_name = {".csv": Form.CSV, ".xml": Form.PACS008, ".jsonl": Form.JSONL, ".ndjson": Form.JSONL}
    if file.suffix.lower() in by_name:
        return by_name[file.suffix.lower()]
    with file.open("rb") as stream:
        first = stream.read(256).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return {b"<": Form.PACS008, b"{": Form.JSONL}.get(first, Form.CSV)


def count_in(file: Path, form: Form) -> int:
    """Return how many payments a file has, about: its lines, or its transactions."""
    marker = b"<CdtTrfTxInf>" if form is Form.PACS008 else b"\n"
    count = 0
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            count += block.count(marker)
    return count


def payments_in(file: Path, form: Form, report: Report) -> Iterator[Line]:
    """Yield the payments of a file; a line that is none is noted in the report."""
    try:
        match form:
            case Form.CSV:
                yield from _of_csv(file)
            case Form.JSONL:
                yield from _of_lines(file, report)
            case Form.PACS008:
                yield from _of_pacs008(file)
    except UnicodeDecodeError as error:
        raise Failure(f"{file} is not UTF-8: {error}", status=Exit.USAGE) from error


def _of_csv(file: Path) -> Iterator[Line]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream, restkey="beyond_the_last_column")
        try:
            for row in rows:
                yield Line(rows.line_num, _json_of_row(row))
        except csv.Error as error:
            raise Failure(f"{file}, line {rows.line_num}: {error}", status=Exit.USAGE) from error


def _json_of_row(row: Mapping[str | Any, Any]) -> bytes:
    """Return a row as JSON: an empty cell is left out, and the priority is a number."""
    said: dict[str, Any] = {
        str(name).strip(): cell for name, cell in row.items() if cell not in ("", None)
    }
    priority = said.get("priority")
    if isinstance(priority, str) and priority.strip().isdecimal():
        said["priority"] = int(priority)
    return msgspec.json.encode(said)


_check = msgspec.json.Decoder(msgspec.Raw).decode


def _of_lines(file: Path, report: Report) -> Iterator[Line]:
    """Yield the lines as they are: an amount that is a number stays exactly that number."""
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            said = line.strip()
            if not said:
                continue
            try:
                _check(said)
                said.decode("utf-8")
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                report.refuse(number, "request.malformed_json", str(error))
            else:
                yield Line(number, said)


def _of_pacs008(file: Path) -> Iterator[Line]:
    try:
        read = getattr(import_module(PACS_READER[0]), PACS_READER[1])
    except (ImportError, AttributeError) as error:
        raise Failure("pacs.008 files cannot be read here", status=Exit.USAGE) from error
    try:
        payments: Iterable[Mapping[str, Any]] = read(file.read_bytes())
        for number, payment in enumerate(payments, 1):
            yield Line(number, msgspec.json.encode(payment))
    except ValueError as error:
        raise Failure(f"{file} is no pacs.008: {error}", status=Exit.USAGE) from error


def chunks(lines: Iterable[Line], size: int) -> Iterator[list[Line]]:
    """Yield lines in chunks of a request each, by number and by bytes."""
    source = iter(lines)
    while batch := list(islice(source, size)):
        part: list[Line] = []
        length = 0
        for line in batch:
            if part and length + len(line.json) > CHUNK_BYTES:
                yield part
                part, length = [], 0
            part.append(line)
            length += len(line.json) + 1
        yield part


# -- the platform ----------------------------------------------------------------------------------


def _client(url: str | None, actor: str) -> httpx.Client:
    import httpx

    from nostro.wiring.settings import load_settings

    if url is None:
        settings = load_settings()
        url = f"http://{settings.host}:{settings.port}"
    return httpx.Client(
        base_url=url,
        timeout=TIMEOUT_S,
        headers={"X-Nostro-Actor": actor, "Content-Type": "application/json"},
    )


def send(client: httpx.Client, lines: list[Line]) -> Mapping[str, Any]:
    """Return what the platform says of a chunk; what can be sent again is, a bounded number of
    times. Raises Failure."""
    body = b'{"transactions":[' + b",".join(line.json for line in lines) + b"]}"
    why = ""
    for attempt in range(ATTEMPTS_MAX):
        if attempt:
            time.sleep(FIRST_PAUSE_S * 2 ** (attempt - 1))
        answer, why = _ask(client, body)
        if answer is not None:
            return answer
    raise Failure(
        f"the platform at {client.base_url} does not take payments: {why}",
        remedy="`nostro up` starts it, `nostro doctor` finds what is wrong; then send the file "
        "again: what was accepted is not accepted twice",
        status=Exit.UNAVAILABLE,
    )


def _ask(client: httpx.Client, body: bytes) -> tuple[Mapping[str, Any] | None, str]:
    """Return an answer, or None and why there is none yet."""
    import httpx

    try:
        answer = client.post(PATH, content=body)
    except httpx.TransportError as error:
        return None, str(error) or type(error).__name__
    except httpx.HTTPError as error:
        raise Failure(f"{client.base_url}: {error}", status=Exit.USAGE) from error
    if answer.status_code in RETRYABLE:
        return None, answer.text[:200]
    if answer.status_code != httpx.codes.OK:
        raise Failure(
            f"the platform refused the request: {answer.text[:500]}", status=Exit.CHECK_FAILED
        )
    told: Mapping[str, Any] = answer.json()
    return told, ""
