"""What did netting make of a batch, who agreed to it, and how does anyone check that?"""

from __future__ import annotations

from typing import Annotated

import msgspec

from nostro.api.http import settlement_examples as examples
from nostro.api.http.ledger_reads import AtLeast, FreshQuery
from nostro.api.http.participants import assets_of
from nostro.api.http.payment_told import CertificateTold
from nostro.api.http.settlement_told import (
    BatchInFull,
    CommitteeTold,
    Evidence,
    batch_in_full,
    certificate_told,
    committee_told,
    currencies_of,
    evidence_told,
)
from nostro.api.operations import Call, Operation, Result, answered
from nostro.api.problems import ProblemRaised, Spoken
from nostro.api.words import BatchId


class BatchPath(msgspec.Struct, frozen=True, kw_only=True):
    """The batch in the path."""

    batch_id: BatchId


class CommitteeQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which epoch; without it the newest."""

    epoch: (
        Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1, description="An epoch.", examples=[1])]
        | None
    ) = None
    at_least: AtLeast | None = None


async def get_batch(call: Call, query: FreshQuery) -> Spoken:
    """Tell of one batch, with its netting graph, its report and its life."""
    desk = call.desk
    await desk.fresh(query.at_least)
    view = await desk.platform.settlements.batch(call.params.batch_id)
    if view is None:
        raise ProblemRaised("netting.batch_unknown", facts={"batch_id": call.params.batch_id})
    assets = await assets_of(desk, dict.fromkeys(currencies_of(view)))
    return answered(batch_in_full(view, assets))


async def get_certificate(call: Call, query: FreshQuery) -> Spoken:
    """Tell what the members said of a batch."""
    await call.desk.fresh(query.at_least)
    view = await call.desk.platform.settlements.certificate(call.params.batch_id)
    if view is None:
        raise ProblemRaised(
            "consensus.certificate_unknown", facts={"batch_id": call.params.batch_id}
        )
    return answered(certificate_told(view))


async def get_committee(call: Call, query: CommitteeQuery) -> Spoken:
    """Tell who the members are."""
    await call.desk.fresh(query.at_least)
    view = await call.desk.platform.settlements.committee(query.epoch)
    if view is None:
        facts = {} if query.epoch is None else {"epoch": query.epoch}
        raise ProblemRaised("consensus.committee_unknown", facts=facts)
    return answered(committee_told(view))


async def list_evidence(call: Call, query: FreshQuery) -> Spoken:
    """Tell which members signed what contradicts itself."""
    await call.desk.fresh(query.at_least)
    views = await call.desk.platform.settlements.evidence()
    return answered(Evidence(data=[evidence_told(view) for view in views]))


_VIEWS = ("views.behind", "views.unavailable")

OPERATIONS = (
    Operation(
        name="getBatch",
        method="GET",
        path="/api/v1/batches/{batch_id}",
        tag="settlements",
        summary="A batch with its netting graph",
        description="What its payments owe before netting, what moves after it, what the cycle "
        "costs against every baseline, at which rates, and what happened to the batch.",
        handler=get_batch,
        query=FreshQuery,
        params=BatchPath,
        problems=("netting.batch_unknown", *_VIEWS),
        results={
            200: Result(description="The batch.", shape=BatchInFull, example=examples.IN_FULL)
        },
    ),
    Operation(
        name="getCertificate",
        method="GET",
        path="/api/v1/batches/{batch_id}/certificate",
        tag="settlements",
        summary="What the members said of a batch",
        description="The quorum's certificate with the entry that it signs, to be checked with the "
        "members' public keys alone.",
        handler=get_certificate,
        query=FreshQuery,
        params=BatchPath,
        problems=("consensus.certificate_unknown", *_VIEWS),
        results={
            200: Result(
                description="The certificate.",
                shape=CertificateTold,
                example=examples.CERTIFICATE,
            )
        },
    ),
    Operation(
        name="getCommittee",
        method="GET",
        path="/api/v1/committee",
        tag="settlements",
        summary="The settlement members",
        description="Their public keys, and how many of them must agree; of the newest epoch, or "
        "of the one named.",
        handler=get_committee,
        query=CommitteeQuery,
        problems=("consensus.committee_unknown", *_VIEWS),
        results={
            200: Result(description="The members.", shape=CommitteeTold, example=examples.COMMITTEE)
        },
    ),
    Operation(
        name="listEvidence",
        method="GET",
        path="/api/v1/evidence",
        tag="settlements",
        summary="Evidence against members",
        description="Pairs of signed messages that no honest member sends, the oldest first.",
        handler=list_evidence,
        query=FreshQuery,
        problems=_VIEWS,
        results={200: Result(description="All evidence.", shape=Evidence, example=examples.PROOF)},
    ),
)
