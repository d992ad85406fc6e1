"""Does the front door stay up and fair, whatever is sent to it?"""

from __future__ import annotations

from tests.api.door import front_door

METRICS_BYTES_MAX = 50_000


async def test_methods_that_nobody_knows_do_not_make_the_metrics_grow() -> None:
    async with front_door() as door:
        for number in range(300):
            await door.client.request(f"MADE-UP-{number}", "/livez")
        told = (await door.client.get("/metrics")).text
        assert 'method="other",route="/livez",status="405"} 300.0' in told
        assert len(told) < METRICS_BYTES_MAX


async def test_approvals_of_two_withdrawals_never_meet_under_one_key() -> None:
    async with front_door() as door:
        await door.deposit("alice", "50000")
        for withdrawal_id in ("wd", "wd:one"):
            body = {"user_id": "alice", "currency": "EUR", "amount": "20000"}
            answer = await door.post("/wallet/withdraw", {**body, "withdrawal_id": withdrawal_id})
            assert answer.json()["state"] == "awaiting_approval"
        for withdrawal_id, actor in (("wd", "one:carol"), ("wd:one", "carol")):
            path = f"/wallet/withdraw/{withdrawal_id}/approve"
            answer = await door.post(path, x_nostro_actor=actor)
            assert (answer.status_code, answer.json().get("state")) == (200, "approved")
