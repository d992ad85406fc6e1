"""How is the status of payments told, as a pacs.002 (FIToFIPaymentStatusReport)?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from nostro.adapters.iso20022.parts import line_of, lines_of, moment_of, reference_of, uetr_of
from nostro.adapters.iso20022.reasons import (
    ACCEPTED,
    NARRATIVE,
    SETTLED,
    STATUSES,
    status_reason,
)
from nostro.adapters.iso20022.xml import library, write
from nostro.payments import PaymentSummary

PACS002 = "pacs.002.001.10"
"""The version of CBPR+ and T2."""
PARTLY = "PART"
NAME_OF_ORIGINAL = "pacs.008.001.08"
"""What a payment is told to have come as when it came another way."""


class Original(NamedTuple):
    """The message that a report answers."""

    message_id: str
    message_name: str


class References(NamedTuple):
    """What a transaction was called in the message that asked for it."""

    end_to_end_id: str | None = None
    tx_id: str | None = None
    uetr: str | None = None
    instr_id: str | None = None


class Told(NamedTuple):
    """What is told of one transaction: its ISO status and reason ("" for none), and words."""

    references: References
    status: str
    reason: str = ""
    words: str = ""
    settled_at_us: int | None = None


def told_of(view: PaymentSummary) -> Told:
    """Return what is to be told of a payment as it stands."""
    references = References(
        end_to_end_id=view.details.get("end_to_end_id"),
        tx_id=reference_of(view.transaction_id),
        uetr=view.details.get("uetr") or uetr_of(view.transaction_id),
    )
    status = STATUSES[view.state]
    if status in (ACCEPTED, SETTLED):
        return Told(references, status, settled_at_us=view.settled_at_us)
    words = f"{view.state.value}: {view.reason}" if view.reason else view.state.value
    return Told(references, status, status_reason(view.reason, view.state), words)


def status_report(
    told: Sequence[Told], *, original: Original | None, message_id: str, at_us: int
) -> bytes:
    """Return a pacs.002 about transactions of one message, or about a payment on its own.

    With a message, its group status stands above: that of all, or PART.
    """
    m = library(PACS002)
    header = m.GroupHeader91(msg_id=message_id, cre_dt_tm=moment_of(at_us))
    groups = [] if original is None else [_group(m, original, told)]
    report = m.FitoFipaymentStatusReportV10(
        grp_hdr=header,
        orgnl_grp_inf_and_sts=groups,
        tx_inf_and_sts=[_transaction(m, each) for each in told],
    )
    return write(m.Document(fito_fipmt_sts_rpt=report), PACS002)


def _group(m: Any, original: Original, told: Sequence[Told]) -> Any:
    counts = Counter(each.status for each in told)
    return m.OriginalGroupHeader17(
        orgnl_msg_id=original.message_id,
        orgnl_msg_nm_id=original.message_name,
        orgnl_nb_of_txs=str(len(told)),
        grp_sts=next(iter(counts)) if len(counts) == 1 else PARTLY,
        nb_of_txs_per_sts=[
            m.NumberOfTransactionsPerStatus5(dtld_nb_of_txs=str(count), dtld_sts=status)
            for status, count in sorted(counts.items())
        ],
    )


def _transaction(m: Any, told: Told) -> Any:
    references = told.references
    effective = None
    if told.settled_at_us is not None:
        effective = m.DateAndDateTime2Choice(dt_tm=moment_of(told.settled_at_us))
    return m.PaymentTransaction110(
        orgnl_instr_id=references.instr_id,
        orgnl_end_to_end_id=line_of(references.end_to_end_id or "", 35),
        orgnl_tx_id=references.tx_id,
        orgnl_uetr=references.uetr,
        tx_sts=told.status,
        sts_rsn_inf=_reasons(m, told.reason, told.words),
        fctv_intr_bk_sttlm_dt=effective,
    )


def _reasons(m: Any, reason: str, words: str) -> list[Any]:
    """Return the reason; the code NARR is told with words only, as it asks for."""
    if not reason and not words:
        return []
    code = reason or NARRATIVE
    return [
        m.StatusReasonInformation12(
            rsn=m.StatusReason6Choice(cd=code), addtl_inf=lines_of(words or code)
        )
    ]
