"""Which columns do readers of settlements, delivery against payment, ask for, and what do the rows
mean?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from nostro.ledger import LINE_BITS
from nostro.settlement import (
    DomainState,
    DomainView,
    Instrument,
    InstrumentView,
    Partial,
    Party,
    PenaltyKind,
    PenaltyRateView,
    PenaltyView,
    PositionView,
    SettlementEventView,
    SettlementView,
    Status,
    ToldEvent,
    ToldType,
    event_id,
)

Row = Sequence[Any]

SETTLEMENT = """
    SELECT settlement, bundle, trade_id, seller_account_id, buyer_account_id, security, cash,
           quantity, amount, settled_quantity, settled_amount, securities_domain, cash_domain,
           status, matched, on_hold, cancel_asked, seller_reference, buyer_reference,
           seller_partial, buyer_partial, seller_partial_min, buyer_partial_min, trade_date,
           settlement_date, starts_at_us, round_id, round_quantity, round_amount, settle_before_us,
           retry_count, recycled, waiting_reason, waiting_code, failure_reason, failure_code,
           dvp_atomic_transaction_id, dvp_contract_id, seller_securities_ref, buyer_securities_ref,
           seller_cash_ref, buyer_cash_ref, prefunded, origin, instructed_at_us, initiated_at_us,
           confirmed_at_us, settled_at_us, failed_at_us, last_at_us, last_height
      FROM nostro.settlements
"""
EVENT = """
    SELECT seq, settlement, trade_id, event_type, status, facts, at_us, height
      FROM nostro.settlement_events
"""
TOLD = """
    SELECT e.seq, e.settlement, e.trade_id, e.event_type, e.status, e.facts, e.at_us, e.height,
           s.seller_account_id, s.buyer_account_id, s.security, s.cash
      FROM nostro.settlement_events AS e
      JOIN nostro.settlements AS s ON s.settlement = e.settlement
"""
PENALTY = """
    SELECT seq, day, settlement, penalty, failing, failing_account_id, other_account_id, asset,
           amount, rate_ppm, at_us, height
      FROM nostro.settlement_penalties
"""
INSTRUMENTS = """
    SELECT code, domain, lot, calendar, penalty_class, actor, set_at_us, last_height
      FROM nostro.settlement_instruments ORDER BY code
"""
DOMAINS = """
    SELECT name, state, reason, actor, domain_height, set_at_us, last_height
      FROM nostro.settlement_domains ORDER BY name
"""
PENALTY_RATES = """
    SELECT penalty_class, valid_from, rate_ppm, actor, set_at_us, last_height
      FROM nostro.settlement_penalty_rates ORDER BY penalty_class, valid_from
"""
# A party's own side of each settlement whose round has come as far as to earmark something.
POSITIONS = """
    SELECT asset, sum(earmarked), sum(delivering), sum(receiving)
      FROM (SELECT security AS asset,
                   CASE WHEN status <> 'EXECUTING' THEN round_quantity ELSE 0 END AS earmarked,
                   CASE WHEN status = 'EXECUTING' THEN round_quantity ELSE 0 END AS delivering,
                   0 AS receiving
              FROM nostro.settlements
             WHERE seller_account_id = %(party)s
               AND status IN ('SELLER_SECURITIES_LOCKED', 'BUYER_CASH_LOCKED', 'EXECUTING')
            UNION ALL
            SELECT cash, CASE WHEN status <> 'EXECUTING' THEN round_amount ELSE 0 END,
                   CASE WHEN status = 'EXECUTING' THEN round_amount ELSE 0 END, 0
              FROM nostro.settlements
             WHERE buyer_account_id = %(party)s AND status IN ('BUYER_CASH_LOCKED', 'EXECUTING')
            UNION ALL
            SELECT cash, 0, 0, round_amount FROM nostro.settlements
             WHERE seller_account_id = %(party)s AND status = 'EXECUTING'
            UNION ALL
            SELECT security, 0, 0, round_quantity FROM nostro.settlements
             WHERE buyer_account_id = %(party)s AND status = 'EXECUTING') AS sides
     WHERE %(asset)s::text IS NULL OR asset = %(asset)s
     GROUP BY asset ORDER BY asset
"""


def settlement_view(row: Row) -> SettlementView:
    """Return the settlement in a row of SETTLEMENT."""
    return SettlementView(
        number=row[0],
        bundle=row[1],
        trade_id=row[2],
        seller=row[3],
        buyer=row[4],
        security=row[5],
        cash=row[6],
        quantity_minor=int(row[7]),
        amount_minor=int(row[8]),
        settled_quantity_minor=int(row[9]),
        settled_amount_minor=int(row[10]),
        securities_domain=row[11],
        cash_domain=row[12],
        status=Status(row[13]),
        matched=row[14],
        held=tuple(map(Party, row[15])),
        cancel_asked=tuple(map(Party, row[16])),
        seller_reference=row[17],
        buyer_reference=row[18],
        seller_partial=Partial(row[19]),
        buyer_partial=Partial(row[20]),
        seller_partial_min_minor=int(row[21]),
        buyer_partial_min_minor=int(row[22]),
        trade_date=row[23],
        settlement_date=row[24],
        starts_at_us=row[25],
        round_id=row[26],
        round_quantity_minor=int(row[27]),
        round_amount_minor=int(row[28]),
        settle_before_us=row[29],
        retry_count=row[30],
        recycled=row[31],
        waiting_reason=row[32],
        waiting_code=row[33],
        failure_reason=row[34],
        failure_code=row[35],
        dvp_atomic_transaction_id=row[36],
        dvp_contract_id=row[37],
        seller_securities_ref=row[38],
        buyer_securities_ref=row[39],
        seller_cash_ref=row[40],
        buyer_cash_ref=row[41],
        prefunded=row[42],
        origin=row[43],
        instructed_at_us=row[44],
        initiated_at_us=row[45],
        confirmed_at_us=row[46],
        settled_at_us=row[47],
        failed_at_us=row[48],
        changed_at_us=row[49],
        height=row[50],
    )


def event_view(row: Row, chain: str) -> SettlementEventView:
    """Return what happened in a row of EVENT."""
    height, place = divmod(row[0], 1 << LINE_BITS)
    return SettlementEventView(
        event_id=event_id(chain, height, place),
        number=row[1],
        trade_id=row[2],
        event_type=ToldType(row[3]),
        status=Status(row[4]),
        facts=row[5],
        at_us=row[6],
        height=row[7],
    )


def told_event(row: Row, chain: str) -> ToldEvent:
    """Return what is to be told in a row of TOLD."""
    return ToldEvent(
        seq=row[0],
        event=event_view(row, chain),
        seller=row[8],
        buyer=row[9],
        security=row[10],
        cash=row[11],
    )


def penalty_view(row: Row) -> PenaltyView:
    """Return the penalty in a row of PENALTY."""
    return PenaltyView(
        number=row[2],
        day=row[1],
        penalty=PenaltyKind(row[3]),
        failing=Party(row[4]),
        failing_party=row[5],
        other_party=row[6],
        asset=row[7],
        amount_minor=int(row[8]),
        rate_ppm=row[9],
        at_us=row[10],
        height=row[11],
    )


def position_view(row: Row, party: str) -> PositionView:
    """Return what settlements have of a party's asset, in a row of POSITIONS."""
    return PositionView(
        party=party,
        asset=row[0],
        earmarked_minor=int(row[1]),
        delivering_minor=int(row[2]),
        receiving_minor=int(row[3]),
    )


def instrument_view(row: Row) -> InstrumentView:
    """Return the instrument in a row of INSTRUMENTS."""
    code, domain, lot, calendar, penalty_class, actor, set_at_us, height = row
    instrument = Instrument(code, domain, int(lot), calendar, penalty_class)
    return InstrumentView(instrument=instrument, actor=actor, set_at_us=set_at_us, height=height)


def domain_view(row: Row) -> DomainView:
    """Return the domain in a row of DOMAINS."""
    return DomainView(
        name=row[0],
        state=DomainState(row[1]),
        reason=row[2],
        actor=row[3],
        domain_height=row[4],
        set_at_us=row[5],
        height=row[6],
    )


def penalty_rate_view(row: Row) -> PenaltyRateView:
    """Return the rate in a row of PENALTY_RATES."""
    names = PenaltyRateView.__struct_fields__
    return msgspec.convert(dict(zip(names, row, strict=True)), PenaltyRateView)
