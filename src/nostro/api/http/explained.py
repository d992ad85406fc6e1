"""What does one find at the address that the `type` of a problem names?"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from nostro.api.operations import Call, Operation, Result, answered
from nostro.api.problem_table import TABLE
from nostro.api.problems import ProblemRaised, Spoken


class ProblemPath(msgspec.Struct, frozen=True, kw_only=True):
    """The code in the path."""

    code: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[a-z]+\.[a-z_]+\Z",
            description="Code of a problem.",
            examples=["money.too_many_decimals"],
        ),
    ]


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What a code means, and what to do about it."""

    code: str
    status: int
    title: str
    remedy: str
    retryable: bool


async def explain(call: Call, _: Any) -> Spoken:
    """Tell what a code means."""
    code: str = call.params.code
    row = TABLE.get(code)
    if row is None:
        raise ProblemRaised("request.not_found", detail=f"There is no code {code}.")
    return answered(
        Explained(
            code=code,
            status=row.status,
            title=row.title,
            remedy=row.remedy,
            retryable=row.retryable,
        )
    )


OPERATIONS = (
    Operation(
        name="explainProblem",
        method="GET",
        path="/problems/{code}",
        tag="operations",
        summary="What does a problem's code mean?",
        description="The `type` of every problem leads here; docs/reference/errors.md lists all.",
        handler=explain,
        params=ProblemPath,
        problems=("request.not_found",),
        results={
            200: Result(
                description="What it means.",
                shape=Explained,
                example={
                    "code": "money.too_many_decimals",
                    "status": 422,
                    "title": TABLE["money.too_many_decimals"].title,
                    "remedy": TABLE["money.too_many_decimals"].remedy,
                    "retryable": False,
                },
            )
        },
    ),
)
