"""What must really move for a file of obligations, and what does netting them save?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Annotated

import typer

from nostro.cli import printout
from nostro.cli.exits import Exit, Failure
from nostro.cli.printout import Output, OutputOption, Record

if TYPE_CHECKING:
    from nostro.netting import CostReport, Obligation, Plan, Tariff

ECB = "ecb"
DEADLINE_MS = 2_000
"""How long the solver may look when caps bind; most cycles of a thousand are within a per cent."""

PPM_PER_BASIS_POINT = 100
HUB = "(hub)"
RIGHT = ("net", "amount", "sell", "buy", "cost", "saved", "saved_percent")


def register(app: typer.Typer) -> None:
    """Add `nostro net` to the command line."""
    app.command("net")(net)


def net(
    file: Annotated[Path, typer.Argument(help="Obligations: .csv, or .jsonl (JSON lines).")],
    rates: Annotated[
        str, typer.Option(help="A CSV of base,quote,rate; or `ecb`: the newest reference rates.")
    ] = ECB,
    caps: Annotated[
        Path | None, typer.Option(help="A CSV of kind,participant,counterparty,currency,amount.")
    ] = None,
    spread: Annotated[
        list[str] | None,
        typer.Option(help="Basis points of a pair, e.g. EUR/CHF=2.5; may be repeated."),
    ] = None,
    deadline_ms: Annotated[
        int, typer.Option(min=0, help="How long to search when caps bind; 0: greedy only.")
    ] = DEADLINE_MS,
    output: OutputOption = Output.TABLE,
) -> None:
    """Net a file of obligations, without a platform, and price it.

    Fields: transaction_id, payer, source_currency, amount, payee; and, if need be,
    destination_currency (the same), priority (5; 0 is the most urgent), accepted_at_us, retries.
    Kinds of caps: net_debit (participant), bilateral (participant, counterparty), platform.
    """
    from msgspec.structs import replace

    from nostro.cli.obligations import caps_in, obligations_in, rates_in, rates_of_the_ecb
    from nostro.kernel.messages import Rejection
    from nostro.netting import Caps, plan_cycle

    obligations = obligations_in(file)
    named = {o.source_currency for o in obligations} | {o.destination_currency for o in obligations}
    rate_set = rates_of_the_ecb(named) if rates == ECB else rates_in(Path(rates))
    started = perf_counter_ns()
    try:
        plan = plan_cycle(
            obligations,
            cycle_id=file.name,
            gross=False,
            rates=rate_set,
            caps=caps_in(caps) if caps else Caps(),
            tariff=_tariff(spread or ()),
            deadline_ms=deadline_ms or None,
        )
    except Rejection as refused:
        raise Failure(
            f"no rate leads from {refused.facts['base']} to {refused.facts['quote']}",
            remedy="add it to the file of rates, or take `--rates ecb`",
            status=Exit.USAGE,
        ) from refused
    report = replace(plan.report, solve_us=(perf_counter_ns() - started) // 1000)
    if output is Output.TABLE:
        _tables(obligations, plan, report)
    else:
        printout.facts(_document(obligations, plan, report), output)


def _tariff(spreads: Sequence[str]) -> Tariff:
    """Return the usual tariff with other spreads for these pairs."""
    from decimal import Decimal, InvalidOperation

    from nostro.netting import Spread, Tariff

    usual = Tariff()
    other = []
    for text in spreads:
        pair, _, points = text.partition("=")
        one, _, two = pair.partition("/")
        try:
            ppm = Decimal(points) * PPM_PER_BASIS_POINT
        except InvalidOperation:
            ppm = Decimal(-1)
        if not one or not two or ppm < 0 or ppm != int(ppm):
            raise Failure(
                f"{text!r} is no spread",
                remedy="write a pair and its basis points, at most two decimals: EUR/CHF=2.5",
                status=Exit.USAGE,
            )
        other.append(Spread(one, two, int(ppm)))
    return Tariff(spreads=(*usual.spreads, *other))


def _tables(obligations: Sequence[Obligation], plan: Plan, report: CostReport) -> None:
    from nostro.netting import straight_wires

    sections: list[tuple[str, list[Record]]] = [
        ("positions", list(_positions(plan))),
        ("transfers", list(_transfers(obligations, plan))),
        ("trades", list(_trades(plan))),
        ("deferred", [{"transaction_id": name, "reason": why} for name, why in plan.deferred]),
        ("savings", list(_savings(report))),
    ]
    for title, records in sections:
        if records:
            printout.print_line(f"{title}:")
            printout.rows(records, Output.TABLE, right=RIGHT)
            printout.print_line("")
    facts = {
        "payments": f"{report.wires_before} settle, {len(plan.deferred)} wait",
        "wires": f"{report.wires_before} before, {report.wires_after} now"
        f" ({len(plan.gross) + straight_wires(plan.positions)} if debtors paid creditors)",
        "traded": f"{_usd(report.fx_gross_minor)} before, {_usd(report.fx_volume_minor)} now"
        f" ({report.currency})",
        "bound": f"no plan costs less than {_usd(report.lower_bound_minor)}"
        f" (gap {_percent(report.gap_ppm)} %)",
        "rates": f"{plan.rate_set.provider}, {plan.rate_set.rate_set_id}",
        "found": f"by {report.method}, in {report.solve_us} µs",
    }
    printout.facts(facts, Output.TABLE)


def _document(obligations: Sequence[Obligation], plan: Plan, report: CostReport) -> Record:
    return {
        "positions": list(_positions(plan)),
        "transfers": list(_transfers(obligations, plan)),
        "trades": list(_trades(plan)),
        "deferred": [{"transaction_id": name, "reason": why} for name, why in plan.deferred],
        "savings": list(_savings(report)),
        "currency": report.currency,
        "cost": _usd(report.cost_minor),
        "lower_bound": _usd(report.lower_bound_minor),
        "gap_percent": _percent(report.gap_ppm),
        "saving_percent": _percent(report.saving_ppm),
        "wires_before": report.wires_before,
        "wires_after": report.wires_after,
        "traded_before": _usd(report.fx_gross_minor),
        "traded_after": _usd(report.fx_volume_minor),
        "method": report.method,
        "rates": plan.rate_set.provider,
        "rate_set_id": plan.rate_set.rate_set_id,
        "solve_us": report.solve_us,
    }


def _positions(plan: Plan) -> Iterator[Record]:
    for position in plan.positions:
        yield {
            "participant": position.participant,
            "currency": position.currency,
            "net": _money(position.net_minor, position.currency),
        }


def _transfers(obligations: Sequence[Obligation], plan: Plan) -> Iterator[Record]:
    """Yield the wires: debtors to the hub, the hub to creditors, and payments on their own."""
    from nostro.netting import Mid, destination_amount

    for position in plan.positions:
        pays = position.net_minor < 0
        yield {
            "from": position.participant if pays else HUB,
            "to": HUB if pays else position.participant,
            "currency": position.currency,
            "amount": _money(abs(position.net_minor), position.currency),
            "for": "position",
        }
    alone, mid = set(plan.gross), Mid(plan.rate_set)
    for o in obligations:
        if o.transaction_id in alone:
            rate = mid.rate(o.source_currency, o.destination_currency)
            received = destination_amount(o.amount_minor, rate)
            yield {
                "from": o.payer,
                "to": o.payee,
                "currency": o.destination_currency,
                "amount": _money(received, o.destination_currency),
                "for": o.transaction_id,
            }


def _trades(plan: Plan) -> Iterator[Record]:
    for trade in plan.fx_trades:
        yield {
            "sell": _money(trade.sell_minor, trade.sell_currency),
            "of": trade.sell_currency,
            "buy": _money(trade.buy_minor, trade.buy_currency),
            "in": trade.buy_currency,
        }


def _savings(report: CostReport) -> Iterator[Record]:
    """Yield what each way costs, and what the plan saves next to it."""
    for way, cost in (
        ("each payment alone", report.gross_cost_minor),
        ("grouped by payer, payee and currencies", report.grouped_cost_minor),
        ("set off between two participants", report.bilateral_cost_minor),
        ("netted", report.cost_minor),
    ):
        saved = cost - report.cost_minor
        yield {
            "way": way,
            "cost": _usd(cost),
            "saved": _usd(saved),
            "saved_percent": _percent(saved * 1_000_000 // cost if cost else 0),
        }


def _money(amount_minor: int, currency: str) -> str:
    from nostro.kernel.asset import seeded
    from nostro.kernel.money import format_amount

    return format_amount(amount_minor, seeded(currency).scale)


def _usd(cents: int) -> str:
    return _money(cents, "USD")


def _percent(ppm: int) -> str:
    """Return millionths as per cent with two decimals, rounded down."""
    from nostro.kernel.money import format_amount

    return format_amount(ppm // 100, 2)
