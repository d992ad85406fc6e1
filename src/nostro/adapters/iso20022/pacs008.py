"""Which payments does a pacs.008 (FIToFICustomerCreditTransfer) ask for?

Versions 08 to 13, with one or many transactions. Each becomes the fields of
POST /api/v1/transactions; docs/iso20022.md has the table. Amounts stay exact decimals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from nostro.adapters.iso20022.directory import Directory, Names
from nostro.adapters.iso20022.pacs002 import Original, References
from nostro.adapters.iso20022.xml import MessageRefused, message_name, read
from nostro.kernel.messages import Rejection
from nostro.payments import PAYMENTS_MAX, Window

PACS008 = re.compile(r"pacs\.008\.001\.(0[89]|1[0-3])\Z")
NOT_PROVIDED = "NOTPROVIDED"
"""What stands where there is no end-to-end reference (CBPR+)."""
ID_MAX = 64
REMITTANCE_MAX = 140
URGENT = frozenset({"URGP", "SDVA"})
"""Service levels that settle at once: urgent payment, same day value."""
PRIORITIES = {"URGT": 0, "HIGH": 2, "NORM": 5}
_ID = re.compile(r"[A-Za-z0-9._:@/-]+\Z", re.ASCII)


class Transfer(NamedTuple):
    """A transaction of a message: its references, and the fields of a payment, or why there are
    none."""

    references: References
    fields: dict[str, Any]
    refused: Rejection | None = None


class Transfers(NamedTuple):
    """A message and its transactions, in the order in which they stand."""

    original: Original
    transfers: list[Transfer]


def read_pacs008(data: bytes, directory: Directory | None = None) -> list[dict[str, Any]]:
    """Return the payments of a message, each with the fields of POST /api/v1/transactions.

    Without a directory participants are called by their BICs. Raises MessageRefused, for the first
    transaction that cannot be taken too.
    """
    payments = []
    for index, each in enumerate(read_transfers(data, directory or Names()).transfers):
        if each.refused is not None:
            raise MessageRefused(each.refused.code, **each.refused.facts, transaction=index)
        payments.append(each.fields)
    return payments


def read_transfers(data: bytes, directory: Directory) -> Transfers:
    """Return the transactions of a message; one that cannot be taken does not stop the others.

    Raises MessageRefused when the message as a whole cannot be: it is not safe, not of its schema,
    or its header contradicts it (`iso20022.count_differs`, `iso20022.sum_differs`).
    """
    name = message_name(data)
    if not PACS008.match(name):
        raise MessageRefused("iso20022.unexpected_message", message=name, expected="pacs.008")
    body = read(data, name).fito_ficstmr_cdt_trf
    header, told = body.grp_hdr, body.cdt_trf_tx_inf
    _check_header(header, told)
    transfers = []
    for each in told:
        references = _references(each)
        try:
            transfers.append(Transfer(references, _fields(each, header, directory)))
        except Rejection as no:
            transfers.append(Transfer(references, {}, no))
    return Transfers(Original(header.msg_id, name), transfers)


def _check_header(header: Any, told: list[Any]) -> None:
    if int(header.nb_of_txs) != len(told):
        raise MessageRefused("iso20022.count_differs", said=header.nb_of_txs, count=len(told))
    if len(told) > PAYMENTS_MAX:
        raise MessageRefused("iso20022.too_many", count=len(told), count_max=PAYMENTS_MAX)
    total = sum((each.intr_bk_sttlm_amt.value for each in told), Decimal(0))
    if header.ctrl_sum is not None and header.ctrl_sum != total:
        raise MessageRefused(
            "iso20022.sum_differs", said=f"{header.ctrl_sum:f}", total=f"{total:f}"
        )
    stated = header.ttl_intr_bk_sttlm_amt
    if stated is None:
        return
    currencies = {each.intr_bk_sttlm_amt.ccy for each in told}
    if stated.value != total or currencies != {stated.ccy}:
        raise MessageRefused(
            "iso20022.sum_differs", said=f"{stated.value:f} {stated.ccy}", total=f"{total:f}"
        )


def _references(told: Any) -> References:
    ids = told.pmt_id
    return References(
        end_to_end_id=ids.end_to_end_id, tx_id=ids.tx_id, uetr=ids.uetr, instr_id=ids.instr_id
    )


def _fields(told: Any, header: Any, directory: Directory) -> dict[str, Any]:
    """Return the fields of a payment; raises Rejection."""
    amount = told.intr_bk_sttlm_amt
    payer = _participant(directory, told.dbtr_agt, told.instg_agt or header.instg_agt, "DbtrAgt")
    payee = _participant(directory, told.cdtr_agt, told.instd_agt or header.instd_agt, "CdtrAgt")
    account = _account(told.cdtr_acct)
    if not account:
        raise Rejection("iso20022.no_creditor_account")
    destination = (told.cdtr_acct.ccy if told.cdtr_acct else None) or amount.ccy
    date = told.intr_bk_sttlm_dt or header.intr_bk_sttlm_dt
    window, priority = _urgency(told, header)
    fields: dict[str, Any] = {
        "transaction_id": transaction_id(_references(told), payer),
        "amount": f"{amount.value:f}",
        "source_currency": amount.ccy,
        "destination_currency": destination,
        "source_account": f"vostro:{payer}:{amount.ccy}",
        "destination_account": account,
        "counterparty_id": payee,
        "settlement_window": window,
        "priority": priority,
    }
    purpose = told.purp
    optional = {
        "value_date": _day(date),
        "remittance": _remittance(told.rmt_inf),
        "end_to_end_id": _line(told.pmt_id.end_to_end_id, 35),
        "uetr": told.pmt_id.uetr or "",
        "debtor_name": _line(told.dbtr.nm, 140),
        "debtor_account": _account(told.dbtr_acct),
        "creditor_name": _line(told.cdtr.nm, 140),
        "purpose": "" if purpose is None else _line(purpose.cd or purpose.prtry, 35),
    }
    fields.update({name: value for name, value in optional.items() if value})
    return fields


def transaction_id(references: References, payer: str) -> str:
    """Return our id of a transaction: its UETR, which is unique in the world; else the payer's
    TxId, else its EndToEndId, both told apart by the payer. Raises Rejection
    `iso20022.no_transaction_id` or `iso20022.bad_id`."""
    if references.uetr:
        return references.uetr
    own = references.tx_id or references.end_to_end_id
    if not own or own == NOT_PROVIDED:
        raise Rejection("iso20022.no_transaction_id")
    id = f"{payer}:{own}"
    if len(id) > ID_MAX or not _ID.match(id):
        raise Rejection("iso20022.bad_id", id=id[:200])
    return id


def _participant(directory: Directory, agent: Any, through: Any, at: str) -> str:
    """Return the participant that an agent is, or else the one that instructs for it."""
    seen = []
    for each in (agent, through):
        if each is None:
            continue
        bank = each.fin_instn_id
        if bank.bicfi:
            found = directory.by_bic(bank.bicfi)
            if found is not None:
                return found
            seen.append(bank.bicfi)
        elif bank.othr is not None:
            if directory.has(bank.othr.id):
                return str(bank.othr.id)
            seen.append(bank.othr.id)
    raise Rejection("iso20022.agent_unknown", at=at, agents=seen)


def _account(account: Any) -> str:
    if account is None or account.id is None:
        return ""
    return str(account.id.iban or account.id.othr.id)


def _urgency(told: Any, header: Any) -> tuple[str, int]:
    """Return window and priority: at once for what is urgent; a proprietary local instrument that
    is called like a window of ours chooses that one."""
    kind = told.pmt_tp_inf or header.pmt_tp_inf
    said = "" if told.sttlm_prty is None else told.sttlm_prty.value
    if not said and kind is not None and kind.instr_prty is not None:
        said = kind.instr_prty.value
    priority = PRIORITIES.get(said, PRIORITIES["NORM"])
    window = Window.RTGS if said == "URGT" else Window.T0
    if kind is not None:
        if any(level.cd in URGENT for level in kind.svc_lvl):
            window = Window.RTGS
        local = kind.lcl_instrm
        if local is not None and local.prtry and local.prtry.lower() in _WINDOWS:
            window = Window(local.prtry.lower())
    return window.value, priority


_WINDOWS = frozenset(window.value for window in Window)


def _day(date: Any) -> str:
    """Return a date as `YYYY-MM-DD`: the time zone that XML allows says nothing here."""
    return "" if date is None else f"{date.year:04d}-{date.month:02d}-{date.day:02d}"


def _remittance(told: Any) -> str:
    """Return what a payment is for, in one line: unstructured text, then creditor references."""
    return _line(" ".join(_remittances(told)), REMITTANCE_MAX) if told is not None else ""


def _remittances(told: Any) -> Iterator[str]:
    yield from told.ustrd
    for each in told.strd:
        if each.cdtr_ref_inf is not None and each.cdtr_ref_inf.ref:
            yield each.cdtr_ref_inf.ref


def _line(text: str | None, length: int) -> str:
    """Return text in one line, as long as we carry it."""
    return " ".join((text or "").split())[:length].rstrip()
