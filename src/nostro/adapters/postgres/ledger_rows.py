"""Which columns do the ledger's readers ask for, and what do the rows mean?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.adapters.postgres.reading import CHECKPOINT
from nostro.ledger import (
    LINE_BITS,
    AccountTerms,
    AccountType,
    AccountView,
    BalanceView,
    Limit,
    LineKind,
    Side,
    StatementLine,
    Status,
    Totals,
    TransferView,
    balance_of,
)

_TERMS = "a.id, a.asset, a.side, a.limit_rule, a.overdraft, a.scale"
_TOTALS = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
_NOW = ", ".join(f"a.{name}" for name in _TOTALS)

ACCOUNT = (
    f"SELECT {_TERMS}, {_NOW}, coalesce({CHECKPOINT}, 0), a.number, a.type, a.owner, a.metadata,"
    " a.status, a.opened_at_us, a.opened_height FROM nostro.accounts AS a"
)

# The last line of an account before a bound tells its totals: those of its side of the line.
LAST_LINE = """
    LEFT JOIN LATERAL (
        SELECT max(s.seq) AS seq
          FROM (SELECT l.seqs FROM nostro.account_lines AS l
                 WHERE l.number = a.number AND l.first_seq < %(bound)s
                 ORDER BY l.first_seq DESC LIMIT 1) AS newest,
               unnest(newest.seqs) AS s(seq)
         WHERE s.seq < %(bound)s) AS last ON true
    LEFT JOIN nostro.transfers AS t ON t.seq = last.seq
"""
THEN = ", ".join(
    f"coalesce(CASE WHEN t.debit_number = a.number THEN t.debit_{name} ELSE t.credit_{name} END, 0)"
    for name in _TOTALS
)
BALANCE_THEN = (
    f"SELECT {_TERMS}, {THEN}, a.number, a.opened_height FROM nostro.accounts AS a"
    f"{LAST_LINE} WHERE a.id = %(id)s"
)

TRANSFER = f"""
    SELECT t.seq, t.id, t.kind, t.code, t.flags, t.timeout_s, t.at_us,
           coalesce(t.effective_at_us, t.at_us), t.amount, t.asked, coalesce(t.reference, ''),
           coalesce(t.refers_to, ''), t.metadata,
           {", ".join(f"t.debit_{name}" for name in _TOTALS)},
           {", ".join(f"t.credit_{name}" for name in _TOTALS)},
           coalesce(d.id, ''), coalesce(c.id, ''), coalesce(d.asset, ''), coalesce(d.scale, 0),
           coalesce((SELECT r.id FROM nostro.transfers AS r
                      WHERE r.refers_to = t.id ORDER BY r.seq LIMIT 1), '')
      FROM nostro.transfers AS t
      LEFT JOIN nostro.accounts AS d ON d.number = t.debit_number
      LEFT JOIN nostro.accounts AS c ON c.number = t.credit_number
"""

# A row of account_lines has at least one line, and the rows of an account do not overlap: a page
# needs no more rows than lines, and one more for the row that the bound cuts.
LINES_UP = """
    SELECT s.seq FROM (
        SELECT seqs FROM nostro.account_lines
         WHERE number = %(number)s AND first_seq < %(high)s AND first_seq >= coalesce((
               SELECT max(first_seq) FROM nostro.account_lines
                WHERE number = %(number)s AND first_seq <= %(low)s), 0)
         ORDER BY first_seq LIMIT %(limit)s + 1) AS chosen, unnest(chosen.seqs) AS s(seq)
     WHERE s.seq >= %(low)s AND s.seq < %(high)s ORDER BY s.seq LIMIT %(limit)s
"""
LINES_DOWN = """
    SELECT s.seq FROM (
        SELECT seqs FROM nostro.account_lines
         WHERE number = %(number)s AND first_seq < %(high)s
         ORDER BY first_seq DESC LIMIT %(limit)s + 1) AS chosen, unnest(chosen.seqs) AS s(seq)
     WHERE s.seq >= %(low)s AND s.seq < %(high)s ORDER BY s.seq DESC LIMIT %(limit)s
"""

MOVING = frozenset({LineKind.POSTED, LineKind.HOLD_POSTED, LineKind.REVERSAL})
"""The lines that change posted totals; the others change what is pending."""

Row = Sequence[Any]


def account_view(row: Row) -> AccountView:
    """Return the account in a row of ACCOUNT."""
    _, number, type_, owner, metadata, status, opened_at_us, opened_height = row[10:]
    terms = account_terms(row)
    return AccountView(
        id=terms.id,
        number=number,
        asset=terms.asset,
        type=AccountType(type_),
        side=terms.side,
        limit=terms.limit,
        overdraft_minor=terms.overdraft_minor,
        owner=owner,
        metadata=metadata,
        status=Status(status),
        opened_at_us=opened_at_us,
        opened_height=opened_height,
        balance=balance_view(row, row[10]),
    )


def account_terms(row: Row) -> AccountTerms:
    """Return the terms with which rows of ACCOUNT and BALANCE_THEN begin."""
    return AccountTerms(
        id=row[0],
        asset=row[1],
        side=Side(row[2]),
        limit=Limit(row[3]),
        overdraft_minor=int(row[4]),
    )


def balance_view(row: Row, height: int) -> BalanceView:
    """Return the balance in a row of ACCOUNT or BALANCE_THEN."""
    return balance_of(account_terms(row), totals(row[6:10]), scale=row[5], height=height)


def totals(columns: Row) -> Totals:
    """Return four totals."""
    return Totals(*(int(column) for column in columns))


def transfer_view(row: Row) -> TransferView:
    """Return the line in a row of TRANSFER."""
    seq, id_, kind, code, flags, timeout_s, at_us, effective_at_us, amount, asked = row[:10]
    reference, refers_to, metadata = row[10:13]
    debit, credit, asset, scale, resolved_by = row[21:]
    return TransferView(
        id=id_,
        seq=seq,
        height=seq >> LINE_BITS,
        at_us=at_us,
        effective_at_us=effective_at_us,
        kind=LineKind(kind),
        debit=debit,
        credit=credit,
        asset=asset,
        scale=scale,
        amount_minor=int(amount),
        asked_minor=None if asked is None else int(asked),
        flags=flags,
        code=code,
        reference=reference,
        refers_to=refers_to,
        resolved_by=resolved_by,
        timeout_s=timeout_s,
        metadata=metadata,
        debit_after=totals(row[13:17]),
        credit_after=totals(row[17:21]),
    )


def statement_line(line: TransferView, account: AccountTerms) -> StatementLine:
    """Return a line as one of its accounts saw it."""
    side = Side.DEBIT if line.debit == account.id else Side.CREDIT
    moved = line.amount_minor if line.kind in MOVING else 0
    return StatementLine(
        id=line.id,
        seq=line.seq,
        height=line.height,
        at_us=line.at_us,
        effective_at_us=line.effective_at_us,
        kind=line.kind,
        side=side,
        counterpart=line.credit if side is Side.DEBIT else line.debit,
        amount_minor=line.amount_minor,
        change_minor=moved if side is account.side else -moved,
        code=line.code,
        reference=line.reference,
        refers_to=line.refers_to,
        metadata=line.metadata,
        balance=balance_of(
            account,
            line.debit_after if side is Side.DEBIT else line.credit_after,
            scale=line.scale,
            height=line.height,
        ),
    )
