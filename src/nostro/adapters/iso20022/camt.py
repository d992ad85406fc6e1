"""How are the movements of a settlement account told: as a camt.053 statement, with its balances,
or as a camt.054 notification of debits and credits?

From the ledger's statement. Only what is booked is told: a hold moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from nostro.adapters.iso20022.parts import (
    agent_of,
    amount_of,
    decimal_of,
    line_of,
    moment_of,
    reference_of,
    uetr_of,
)
from nostro.adapters.iso20022.xml import MessageRefused, library, write
from nostro.ledger import LineKind, Side, Statement, StatementLine
from nostro.payments import ParticipantView

CAMT053 = "camt.053.001.08"
CAMT054 = "camt.054.001.08"
ENTRIES_MAX = 10_000
"""Entries of one message; a longer period is asked for in parts."""
PAYMENTS = "PMNT"
RECEIVED = ("RCDT", "XBCT")
"""Received credit transfer, cross-border (ExternalBankTransactionFamily1Code, sub-family)."""
ISSUED = ("ICDT", "XBCT")
NOT_KNOWN = ("NTAV", "NTAV")
PAYMENT_LINES = ("payment:", "payment.")
PAYMENT_REVERSALS = "payment.reverse"
"""Ids of the ledger's lines that move a payment (flows.books), its own id after the colon."""


class Period(NamedTuple):
    """What a message tells of: both moments included, in microseconds."""

    from_us: int
    to_us: int


def statement(
    owner: ParticipantView,
    told: Statement,
    lines: Sequence[StatementLine],
    *,
    period: Period,
    message_id: str,
    at_us: int,
) -> bytes:
    """Return a camt.053 of one account: opening and closing balance, and each entry between them.

    `lines`: all of the period's. Raises MessageRefused `iso20022.too_many_entries`.
    """
    m = library(CAMT053)
    entries = _entries(m, told, lines)
    account = m.AccountStatement9(
        id=message_id,
        elctrnc_seq_nb=decimal_of(max(told.height, 0), 0),
        cre_dt_tm=moment_of(at_us),
        fr_to_dt=_period(m, period),
        acct=_account(m, owner, told),
        bal=[
            _balance(m, "OPBD", told.opening.posted, told, period.from_us),
            _balance(m, "CLBD", told.closing.posted, told, period.to_us),
            _balance(m, "CLAV", told.closing.available, told, period.to_us),
        ],
        txs_summry=_summary(m, told, entries),
        ntry=entries,
    )
    body = m.BankToCustomerStatementV08(grp_hdr=_header(m, message_id, at_us), stmt=[account])
    return write(m.Document(bk_to_cstmr_stmt=body), CAMT053)


def notification(
    owner: ParticipantView,
    told: Statement,
    lines: Sequence[StatementLine],
    *,
    period: Period,
    message_id: str,
    at_us: int,
) -> bytes:
    """Return a camt.054 of one account: its debits and credits in a period, without balances."""
    m = library(CAMT054)
    entries = _entries(m, told, lines)
    account = m.AccountNotification17(
        id=message_id,
        cre_dt_tm=moment_of(at_us),
        fr_to_dt=_period(m, period),
        acct=_account(m, owner, told),
        txs_summry=_summary(m, told, entries),
        ntry=entries,
    )
    body = m.BankToCustomerDebitCreditNotificationV08(
        grp_hdr=_header(m, message_id, at_us), ntfctn=[account]
    )
    return write(m.Document(bk_to_cstmr_dbt_cdt_ntfctn=body), CAMT054)


def _header(m: Any, message_id: str, at_us: int) -> Any:
    return m.GroupHeader81(msg_id=message_id, cre_dt_tm=moment_of(at_us))


def _period(m: Any, period: Period) -> Any:
    return m.DateTimePeriod1(fr_dt_tm=moment_of(period.from_us), to_dt_tm=moment_of(period.to_us))


def _account(m: Any, owner: ParticipantView, told: Statement) -> Any:
    """Return whose account it is; our ids go beyond the 34 characters of an account's: the bank is
    named as owner, and the account by its currency."""
    id = told.account if len(told.account) <= 34 else f"vostro:{told.asset}"
    account = m.AccountIdentification4Choice(othr=m.GenericAccountIdentification1(id=id))
    bank = agent_of(m, bic=owner.bic, participant_id=owner.participant_id).fin_instn_id
    organisation = m.OrganisationIdentification29(any_bic=bank.bicfi, lei=owner.lei or None)
    if bank.bicfi is None and not owner.lei:
        other = m.GenericOrganisationIdentification1(id=owner.participant_id[:35])
        organisation = m.OrganisationIdentification29(othr=[other])
    return m.CashAccount39(
        id=account,
        ccy=told.asset,
        ownr=m.PartyIdentification135(
            nm=line_of(owner.name, 140), id=m.Party38Choice(org_id=organisation)
        ),
    )


def _balance(m: Any, code: str, minor: int, told: Statement, at_us: int) -> Any:
    return m.CashBalance8(
        tp=m.BalanceType13(cd_or_prtry=m.BalanceType10Choice(cd=code)),
        amt=_amount(m, abs(minor), told),
        cdt_dbt_ind=_direction(m, minor, told),
        dt=m.DateAndDateTime2Choice(dt_tm=moment_of(at_us)),
    )


def _amount(m: Any, minor: int, told: Statement) -> Any:
    return amount_of(
        m.ActiveOrHistoricCurrencyAndAmount, minor, currency=told.asset, scale=told.scale
    )


def _direction(m: Any, minor: int, told: Statement) -> Any:
    """Return CRDT for what the account's owner has: the credit side of what we owe."""
    credit = (minor >= 0) == (told.opening.side is Side.CREDIT)
    return m.CreditDebitCode.CRDT if credit else m.CreditDebitCode.DBIT


def _entries(m: Any, told: Statement, lines: Sequence[StatementLine]) -> list[Any]:
    booked = [line for line in lines if line.change_minor]
    if len(booked) > ENTRIES_MAX:
        raise MessageRefused("iso20022.too_many_entries", count_max=ENTRIES_MAX)
    return [_entry(m, told, line) for line in booked]


def _entry(m: Any, told: Statement, line: StatementLine) -> Any:
    direction = _direction(m, line.change_minor, told)
    family, sub_family = _family(m, line, direction)
    of_payment = line.id.startswith(PAYMENT_LINES)
    payment = line.id.partition(":")[2] if of_payment else line.reference
    return m.ReportEntry10(
        ntry_ref=str(line.seq),
        amt=_amount(m, abs(line.change_minor), told),
        cdt_dbt_ind=direction,
        rvsl_ind=True if _is_reversal(line) else None,
        sts=m.EntryStatus1Choice(cd="BOOK"),
        bookg_dt=m.DateAndDateTime2Choice(dt_tm=moment_of(line.at_us)),
        val_dt=m.DateAndDateTime2Choice(dt_tm=moment_of(line.effective_at_us)),
        acct_svcr_ref=reference_of(line.id) or str(line.seq),
        bk_tx_cd=m.BankTransactionCodeStructure4(
            domn=m.BankTransactionCodeStructure5(
                cd=PAYMENTS,
                fmly=m.BankTransactionCodeStructure6(cd=family, sub_fmly_cd=sub_family),
            )
        ),
        ntry_dtls=_details(m, line, told, payment),
        addtl_ntry_inf=line_of(f"{line.id} {line.counterpart}", 500),
    )


def _is_reversal(line: StatementLine) -> bool:
    return line.kind is LineKind.REVERSAL or line.id.startswith(PAYMENT_REVERSALS)


def _family(m: Any, line: StatementLine, direction: Any) -> tuple[str, str]:
    if not line.id.startswith(("payment", "instruction", "funding")):
        return NOT_KNOWN
    return RECEIVED if direction is m.CreditDebitCode.CRDT else ISSUED


def _details(m: Any, line: StatementLine, told: Statement, payment: str) -> list[Any]:
    """Return the references of the payment that an entry belongs to."""
    uetr, tx_id = uetr_of(payment), reference_of(payment)
    if uetr is None and tx_id is None:
        return []
    references = m.TransactionReferences6(
        acct_svcr_ref=str(line.seq), uetr=uetr, tx_id=None if uetr else tx_id
    )
    details = m.EntryTransaction10(
        refs=references,
        amt=_amount(m, abs(line.change_minor), told),
        cdt_dbt_ind=_direction(m, line.change_minor, told),
    )
    return [m.EntryDetails9(tx_dtls=[details])]


def _summary(m: Any, told: Statement, entries: Sequence[Any]) -> Any:
    credits = [each.amt.value for each in entries if each.cdt_dbt_ind is m.CreditDebitCode.CRDT]
    debits = [each.amt.value for each in entries if each.cdt_dbt_ind is m.CreditDebitCode.DBIT]
    zero = decimal_of(0, told.scale)
    return m.TotalTransactions6(
        ttl_ntries=m.NumberAndSumOfTransactions4(
            nb_of_ntries=str(len(entries)), sum=sum(credits + debits, zero)
        ),
        ttl_cdt_ntries=m.NumberAndSumOfTransactions1(
            nb_of_ntries=str(len(credits)), sum=sum(credits, zero)
        ),
        ttl_dbt_ntries=m.NumberAndSumOfTransactions1(
            nb_of_ntries=str(len(debits)), sum=sum(debits, zero)
        ),
    )
