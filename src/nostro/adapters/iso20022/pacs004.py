"""Which settled payments does a pacs.004 (PaymentReturn) send back, and how is one told?

Versions 09 to 13 come in, 09 goes out. A return is whole: an amount other than the payment's is
refused, for what is settled is reversed or stays.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, NamedTuple

from nostro.adapters.iso20022.pacs002 import NAME_OF_ORIGINAL, Original, References
from nostro.adapters.iso20022.parts import (
    agent_of,
    amount_of,
    day_of,
    line_of,
    lines_of,
    moment_of,
    reference_of,
    uetr_of,
)
from nostro.adapters.iso20022.reasons import return_reason
from nostro.adapters.iso20022.xml import MessageRefused, library, message_name, read, write
from nostro.kernel.messages import Rejection
from nostro.payments import ParticipantView, PaymentSummary

PACS004 = "pacs.004.001.09"
READ = re.compile(r"pacs\.004\.001\.(09|1[0-3])\Z")
RETURNS_MAX = 1_000
"""Returns of one message; each is a command of its own."""


class Reversal(NamedTuple):
    """One return asked for: of which payment, how much, and why (an ISO code, and words)."""

    references: References
    amount: Decimal
    currency: str
    reason: str
    words: str

    @property
    def transaction_ids(self) -> list[str]:
        """Return what the payment may be called here: by its UETR, by its TxId as it stands."""
        named = (self.references.uetr, self.references.tx_id)
        return [name for name in named if name]


class Returns(NamedTuple):
    """A message and the returns that it asks for."""

    original: Original
    returns: list[Reversal]


def read_returns(data: bytes) -> Returns:
    """Return what a pacs.004 asks for; raises MessageRefused."""
    name = message_name(data)
    if not READ.match(name):
        raise MessageRefused("iso20022.unexpected_message", message=name, expected="pacs.004")
    body = read(data, name).pmt_rtr
    header, told = body.grp_hdr, body.tx_inf
    if int(header.nb_of_txs) != len(told) or not told:
        raise MessageRefused("iso20022.count_differs", said=header.nb_of_txs, count=len(told))
    if len(told) > RETURNS_MAX:
        raise MessageRefused("iso20022.too_many", count=len(told), count_max=RETURNS_MAX)
    return Returns(Original(header.msg_id, name), [_reversal(each) for each in told])


def _reversal(told: Any) -> Reversal:
    code, words = "", []
    for each in told.rtr_rsn_inf:
        if each.rsn is not None and not code:
            code = each.rsn.cd or each.rsn.prtry or ""
        words += each.addtl_inf
    return Reversal(
        References(
            end_to_end_id=told.orgnl_end_to_end_id,
            tx_id=told.orgnl_tx_id,
            uetr=told.orgnl_uetr,
            instr_id=told.orgnl_instr_id,
        ),
        told.rtrd_intr_bk_sttlm_amt.value,
        told.rtrd_intr_bk_sttlm_amt.ccy,
        code,
        line_of(" ".join(words), 105) or "",
    )


def check_whole(asked: Reversal, view: PaymentSummary) -> None:
    """Refuse a return of anything but the whole payment: as it was paid, or as it was received.

    Raises Rejection `iso20022.return_differs`.
    """
    paid = (Decimal(view.amount_minor).scaleb(-view.source_scale), view.source_currency)
    sums = [paid]
    if view.destination_minor is not None:
        received = Decimal(view.destination_minor).scaleb(-view.destination_scale)
        sums.append((received, view.destination_currency))
    if (asked.amount, asked.currency) not in sums:
        raise Rejection(
            "iso20022.return_differs",
            said=f"{asked.amount:f} {asked.currency}",
            payment=[f"{amount:f} {currency}" for amount, currency in sums],
        )


def payment_return(
    view: PaymentSummary,
    *,
    payer: ParticipantView,
    payee: ParticipantView,
    message_id: str,
    at_us: int,
) -> bytes:
    """Return the pacs.004 that tells the payer of the return of a reversed payment."""
    m = library(PACS004)
    header = m.GroupHeader90(
        msg_id=message_id,
        cre_dt_tm=moment_of(at_us),
        nb_of_txs="1",
        sttlm_inf=m.SettlementInstruction7(sttlm_mtd=m.SettlementMethod1Code.CLRG),
        instg_agt=agent_of(m, bic=payee.bic, participant_id=payee.participant_id),
        instd_agt=agent_of(m, bic=payer.bic, participant_id=payer.participant_id),
    )
    reason = m.PaymentReturnReason6(
        rsn=m.ReturnReason5Choice(cd=return_reason(view.reason)),
        addtl_inf=lines_of(view.reason or "reversed"),
    )
    returned = _amount(m.ActiveCurrencyAndAmount, view)
    original = _amount(m.ActiveOrHistoricCurrencyAndAmount, view)
    transaction = m.PaymentTransaction112(
        rtr_id=reference_of(f"R{view.height}"),
        orgnl_grp_inf=m.OriginalGroupInformation29(
            orgnl_msg_id="NOTPROVIDED", orgnl_msg_nm_id=NAME_OF_ORIGINAL
        ),
        orgnl_end_to_end_id=line_of(view.details.get("end_to_end_id", ""), 35),
        orgnl_tx_id=reference_of(view.transaction_id),
        orgnl_uetr=view.details.get("uetr") or uetr_of(view.transaction_id),
        orgnl_intr_bk_sttlm_amt=original,
        rtrd_intr_bk_sttlm_amt=returned,
        intr_bk_sttlm_dt=day_of(view.changed_at_us),
        rtr_rsn_inf=[reason],
    )
    body = m.PaymentReturnV09(grp_hdr=header, tx_inf=[transaction])
    return write(m.Document(pmt_rtr=body), PACS004)


def _amount(cls: Any, view: PaymentSummary) -> Any:
    return amount_of(cls, view.amount_minor, currency=view.source_currency, scale=view.source_scale)
