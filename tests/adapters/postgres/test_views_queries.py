"""What do readers learn from the views, now and of any moment of the past?"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from nostro.adapters.postgres.ledger_queries import KINDS_OF, LedgerQueries
from nostro.adapters.postgres.wallet_queries import WalletQueries
from nostro.kernel.messages import Rejection
from nostro.ledger import (
    LINE_BITS,
    AccountType,
    Action,
    CreateTransfers,
    FreezeAccount,
    Limit,
    LineKind,
    NewAccount,
    NewTransfer,
    OpenAccounts,
    RegisterAsset,
    Side,
    TransfersRecorded,
)
from nostro.ledger.views import AsOf, BalanceView, Status, Totals, available
from nostro.runtime.projector import ViewsBehind, ViewsUnavailable
from nostro.wallets import (
    CancelWithdrawal,
    ConfirmDeposit,
    DepositState,
    RejectDeposit,
    RequestWithdrawal,
    SubmitDeposit,
    WithdrawalState,
)
from tests import databases
from tests.adapters.postgres.chronicle import (
    FIRST_AT_US,
    STEP_US,
    Chronicle,
    follow,
    open_accounts,
    random_history,
    reader_pool,
    told,
)
from tests.databases import as_role


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[Any]:
    """A pool of the reader's role."""
    async with reader_pool(as_role(postgres, "nostro_reader")) as pool:
        yield pool


def totals_by_hand(chronicle: Chronicle, height: int) -> dict[int, list[int]]:
    """Fold every line up to a height from nothing: the slow way, and with nobody's help."""
    totals: dict[int, list[int]] = {}
    holds: dict[str, int] = {}
    for entry in chronicle.entries[:height]:
        for event in chronicle.house.codec.decode_events(entry.payload):
            for line in event.lines if isinstance(event, TransfersRecorded) else ():
                debit = totals.setdefault(line.debit, [0] * 4)
                credit = totals.setdefault(line.credit, [0] * 4)
                if line.kind == LineKind.HELD:
                    holds[line.id] = line.amount_minor
                pending = {1: 1, 2: -1, 3: -1, 4: -1}.get(line.kind, 0)
                held = holds.get(line.id) or holds.get(line.refers_to, 0)
                moved = line.amount_minor if line.kind in (0, 2, 5) else 0
                debit[0] += moved
                credit[1] += moved
                debit[2] += pending * held
                credit[3] += pending * held
    return totals


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(min_value=0, max_value=2**32))
@pytest.mark.parametrize("name", databases.NAMES)
async def test_a_balance_as_of_any_height_is_what_the_journal_adds_up_to(
    fresh_database: Callable[[str], str], name: str, seed: int
) -> None:
    url, chronicle = fresh_database(name), Chronicle()
    random_history(chronicle, random.Random(seed), rows=12, per_row=8)
    await told(url, chronicle)
    numbers = chronicle.memory.states["ledger"].accounts
    async with reader_pool(as_role(url, "nostro_reader")) as pool:
        queries = LedgerQueries(pool)
        for height in range(1, chronicle.memory.height + 1):
            by_hand = totals_by_hand(chronicle, height)
            at_us = chronicle.entries[height - 1].at_us
            for id_, account in numbers.items():
                there = await queries.balance(id_, AsOf(height=height))
                assert there is not None
                assert there.totals == Totals(*by_hand.get(account.number, [0] * 4))
                assert await queries.balance(id_, AsOf(at_us=at_us)) == there
            for row in await queries.trial_balance(AsOf(height=height)):
                assert (row.difference, row.pending_difference) == (0, 0)
                assert row.height == height
        now = {row.asset: row.totals for row in await queries.trial_balance()}
        then = await queries.trial_balance(AsOf(height=chronicle.memory.height))
        assert now == {row.asset: row.totals for row in then}


async def test_a_statement_runs_from_its_opening_to_its_closing_balance(
    postgres: str, pool: Any
) -> None:
    chronicle = Chronicle()
    random_history(chronicle, random.Random(7), rows=25, per_row=10)
    await told(postgres, chronicle)
    queries = LedgerQueries(pool)
    for id_ in chronicle.memory.states["ledger"].accounts:
        for after, until in ((None, None), (5, 20), (20, None), (0, 1)):
            period: dict[str, Any] = {
                "after": None if after is None else AsOf(height=after),
                "until": None if until is None else AsOf(height=until),
            }
            pages = [await queries.statement(id_, **period, limit=4)]
            while (last := pages[-1]) is not None and last.next_cursor:
                pages.append(
                    await queries.statement(id_, **period, cursor=last.next_cursor, limit=4)
                )
            first = pages[0]
            assert first is not None
            lines = [line for page in pages if page for line in page.lines]
            assert [line.seq for line in lines] == sorted({line.seq for line in lines})
            running = first.opening.posted
            for line in lines:
                running += line.change_minor
                assert line.balance.posted == running
                assert (after or 0) < line.height <= (until or chronicle.memory.height)
            assert running == first.closing.posted
            if lines:
                assert lines[-1].balance.totals == first.closing.totals
            assert all(page == first or page.closing == first.closing for page in pages if page)


async def test_pages_stay_put_while_the_books_grow(postgres: str, pool: Any) -> None:
    chronicle = Chronicle()
    random_history(chronicle, random.Random(3), rows=10, per_row=10)
    await told(postgres, chronicle)
    queries = LedgerQueries(pool)
    whole = (await queries.transfers(limit=1_000)).items
    statement = await queries.statement("eur:bank", limit=1_000)
    page = await queries.transfers(limit=7)
    part = await queries.statement("eur:bank", limit=2)
    assert statement is not None
    assert part is not None
    items, lines = list(page.items), list(part.lines)
    for number in range(200):
        grown = NewTransfer(
            id=f"more-{number}", debit="eur:bank", credit="eur:0", amount_minor=1 + number
        )
        chronicle.tell(CreateTransfers(transfers=[grown]))
        if number % 10 == 0:
            await told(postgres, chronicle)
        if page.next_cursor:
            page = await queries.transfers(limit=7, cursor=page.next_cursor)
            items += page.items
        if part.next_cursor:
            part = await queries.statement("eur:bank", limit=2, cursor=part.next_cursor)
            assert part is not None
            lines += part.lines
    assert items == whole
    assert [line.id for line in lines] == [line.id for line in statement.lines]
    assert part.closing == statement.closing


async def test_transfers_are_found_by_account_code_reference_action_and_time(
    postgres: str, pool: Any
) -> None:
    chronicle = Chronicle()
    random_history(chronicle, random.Random(11), rows=30, per_row=10)
    await told(postgres, chronicle)
    queries = LedgerQueries(pool)
    every = (await queries.transfers(limit=1_000)).items
    assert [line.seq for line in every] == sorted((line.seq for line in every), reverse=True)
    middle = every[len(every) // 2].at_us
    questions: list[tuple[dict[str, Any], Callable[[Any], bool]]] = [
        ({"code": 5}, lambda t: t.code == 5),
        ({"code": 0}, lambda t: t.code == 0),
        ({"reference": "inv \\t1"}, lambda t: t.reference == "inv \\t1"),
        ({"reference": "rent", "code": 5}, lambda t: t.reference == "rent" and t.code == 5),
        ({"account": "eur:1"}, lambda t: "eur:1" in (t.debit, t.credit)),
        ({"account": "eur:1", "code": 5}, lambda t: "eur:1" in (t.debit, t.credit) and t.code == 5),
        ({"from_us": middle}, lambda t: t.at_us >= middle),
        ({"to_us": middle}, lambda t: t.at_us <= middle),
        (
            {"to_us": middle - 1, "account": "usd:0"},
            lambda t: t.at_us < middle and "usd:0" in t.ids,
        ),
        ({"account": "nobody"}, lambda t: False),
    ]
    questions += [({"action": action}, _leaves(action)) for action in Action]
    for filters, fits in questions:
        expected = [t for t in every if fits(_WithIds(t))]
        found, page = [], await queries.transfers(**filters, limit=3)
        while True:
            found += page.items
            if page.next_cursor is None:
                break
            page = await queries.transfers(**filters, limit=3, cursor=page.next_cursor)
        assert found == expected, filters
    assert {kind for t in every for kind in [t.kind]} >= set(LineKind) - {LineKind.HOLD_EXPIRED}


def _leaves(action: Action) -> Callable[[Any], bool]:
    return lambda t: t.kind in KINDS_OF[action]


class _WithIds:
    def __init__(self, transfer: Any) -> None:
        self._transfer = transfer
        self.ids = (transfer.debit, transfer.credit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transfer, name)


async def test_a_transfer_tells_everything_that_was_recorded(postgres: str, pool: Any) -> None:
    chronicle = Chronicle()
    open_accounts(chronicle)
    hold = NewTransfer(
        id="hold-1",
        action=Action.HOLD,
        debit="eur:bank",
        credit="eur:0",
        amount_minor=10**38 - 1,
        timeout_s=60,
        code=9,
        reference='a \\t "and" é',
        effective_at_us=FIRST_AT_US - 1,
        metadata={"who": 'Ada\\n "L"', "u": "\\u0000"},
    )
    post = NewTransfer(id="post-1", action=Action.POST, refers_to="hold-1", amount_minor=7)
    late = NewTransfer(id="late-1", action=Action.VOID, refers_to="never-seen")
    no = NewTransfer(id="no-1", debit="eur:0", credit="usd:0", amount_minor=1)
    chronicle.tell(CreateTransfers(transfers=[hold]))
    chronicle.tell(CreateTransfers(transfers=[post, late, no]))
    await told(postgres, chronicle)
    queries = LedgerQueries(pool)
    held = await queries.transfer("hold-1")
    assert held is not None
    assert (held.debit, held.credit, held.asset, held.scale) == ("eur:bank", "eur:0", "EUR", 2)
    assert (held.amount_minor, held.timeout_s, held.code) == (10**38 - 1, 60, 9)
    assert held.reference == hold.reference
    assert held.metadata == hold.metadata
    assert (held.effective_at_us, held.at_us) == (FIRST_AT_US - 1, FIRST_AT_US + 2 * STEP_US)
    assert (held.height, held.seq, held.resolved_by) == (2, 2 << LINE_BITS, "post-1")
    assert held.credit_after == Totals(0, 0, 0, 10**38 - 1)
    posted = await queries.transfer("post-1")
    assert posted is not None
    assert (posted.kind, posted.amount_minor) == (LineKind.HOLD_POSTED, 7)
    assert (posted.refers_to, posted.seq) == ("hold-1", 3 << LINE_BITS)
    assert posted.credit_after == Totals(0, 7, 0, 0)
    closed = await queries.transfer("late-1")
    assert closed is not None
    assert (closed.kind, closed.debit, closed.credit) == (LineKind.HOLD_CLOSED, "", "")
    assert await queries.transfer("no-1") is None
    refusal = await queries.refusal("no-1")
    assert refusal is not None
    assert (refusal.code, refusal.height) == ("ledger.assets_differ", 3)
    assert await queries.transfer("unheard-of") is None


async def test_accounts_are_found_by_owner_asset_and_type(postgres: str, pool: Any) -> None:
    chronicle = Chronicle()
    chronicle.tell(RegisterAsset(code="GOLD", scale=4, name="fine ounce"))
    ids = open_accounts(chronicle)
    bar = NewAccount(id="bar", asset="GOLD", metadata={"vault": "7"})
    chronicle.tell(OpenAccounts(accounts=[bar]))
    chronicle.tell(FreezeAccount(account="bar"))
    await told(postgres, chronicle)
    queries = LedgerQueries(pool)

    async def found(**filters: Any) -> list[str]:
        names, page = [], await queries.accounts(**filters, limit=2)
        while True:
            names += [account.id for account in page.items]
            if page.next_cursor is None:
                return names
            page = await queries.accounts(**filters, limit=2, cursor=page.next_cursor)

    assert await found() == [*ids, "bar"]
    assert await found(owner="owner-0") == ["eur:0", "usd:0"]
    assert await found(owner="owner-0", asset="USD") == ["usd:0"]
    assert await found(type=AccountType.ASSET) == ["eur:bank", "usd:bank"]
    assert await found(asset="XAU") == []
    gold = await queries.account("bar")
    assert gold is not None
    assert (gold.status, gold.metadata, gold.balance.scale) == (Status.FROZEN, {"vault": "7"}, 4)
    assert gold.opened_height == 3
    assert [asset.code for asset in await queries.assets()] == ["GOLD"]
    assert await queries.account("nobody") is None
    assert await queries.balance("bar", AsOf(height=2)) is None
    assert await queries.balance("nobody", AsOf(height=2)) is None


async def test_a_cursor_is_good_for_its_own_question_only(postgres: str, pool: Any) -> None:
    chronicle = Chronicle()
    random_history(chronicle, random.Random(5), rows=3, per_row=10)
    await told(postgres, chronicle)
    queries = LedgerQueries(pool)
    cursor = (await queries.transfers(limit=1)).next_cursor
    assert cursor is not None
    for bad in ("", "!", "AAAA", cursor[:-2], "é", cursor + "A"):
        with pytest.raises(Rejection, match=r"request\.bad_cursor"):
            await queries.transfers(cursor=bad)
    with pytest.raises(Rejection, match=r"request\.bad_cursor"):
        await queries.transfers(code=5, cursor=cursor)
    with pytest.raises(Rejection, match=r"request\.bad_cursor"):
        await queries.accounts(cursor=cursor)


async def test_a_moment_not_recorded_yet_is_refused_and_one_not_shown_yet_is_waited_for(
    postgres: str, pool: Any
) -> None:
    chronicle = Chronicle()
    open_accounts(chronicle)
    await told(postgres, chronicle)
    queries = LedgerQueries(pool)
    with pytest.raises(Rejection, match=r"views\.ahead"):
        await queries.balance("eur:0", AsOf(height=2))
    move = NewTransfer(id="t-1", debit="eur:bank", credit="eur:0", amount_minor=5)
    chronicle.tell(CreateTransfers(transfers=[move]))
    await chronicle.write(postgres)
    with pytest.raises(ViewsBehind) as behind:
        await queries.wait_for(2, timeout_ms=30)
    assert (behind.value.asked, behind.value.have) == (2, 1)
    looks = [queries.balance("eur:0", AsOf(height=2)), queries.balance("eur:0", AsOf(at_us=2**63))]
    _, *balances = await asyncio.gather(asyncio.to_thread(follow, postgres), *looks)
    for balance in balances:
        assert isinstance(balance, BalanceView)
        assert balance.posted == 5
    await queries.wait_for(2, timeout_ms=0)
    with pytest.raises(Rejection, match=r"request\.bad_value"):
        await queries.statement("eur:0", after=AsOf(height=2), until=AsOf(height=1))
    with pytest.raises(ValueError, match="one of them"):
        AsOf()


async def test_reads_say_so_when_the_views_cannot_be_read(postgres: str) -> None:
    async with reader_pool(postgres) as pool:
        queries = LedgerQueries(pool)
        assert await queries.checkpoint() == 0
        await pool.close()
        with pytest.raises(ViewsUnavailable):
            await queries.checkpoint()


def test_available_counts_what_is_held_to_go_out_and_the_overdraft() -> None:
    totals = Totals(debits_posted=30, credits_posted=100, debits_pending=20, credits_pending=1_000)
    limited = Limit.DEBITS_MUST_NOT_EXCEED_CREDITS
    assert available(Side.CREDIT, limited, 5, totals) == 100 + 5 - 30 - 20
    assert available(Side.CREDIT, Limit.NONE, 5, totals) == 100 - 30 - 20
    assert available(Side.DEBIT, Limit.NONE, 0, totals) == 30 - 100 - 1_000
    assert available(Side.DEBIT, limited, 0, totals) == 100 - 30 - 20


async def test_the_wallets_are_shown_with_every_change_of_state(postgres: str, pool: Any) -> None:
    chronicle = Chronicle()
    for number, amount in ((1, 500_000), (2, 70)):
        deposit = {"user_id": "ada", "transaction_id": f"tx:{number}"}
        chronicle.tell(SubmitDeposit(**deposit, asset="EUR", amount_minor=amount))
    chronicle.tell(ConfirmDeposit(user_id="ada", transaction_id="tx:1"), actor="bank")
    await told(postgres, chronicle)
    chronicle.tell(RejectDeposit(user_id="ada", transaction_id="tx:2", reason="lost\tit"))
    chronicle.tell(
        RequestWithdrawal(
            withdrawal_id="w1", user_id="ada", asset="EUR", amount_minor=200, destination="NL 1"
        )
    )
    await told(postgres, chronicle)
    queries = WalletQueries(pool)
    customer = await queries.customer("ada")
    assert customer is not None
    assert (customer.assets, customer.opened_height) == (["EUR"], 1)
    (balance,) = await queries.balances("ada")
    assert (balance.posted, balance.pending_out, balance.available) == (500_000, 200, 499_800)
    newest, oldest = (await queries.deposits("ada")).items
    assert (newest.state, newest.reason) == (DepositState.REJECTED, "lost\tit")
    assert (oldest.state, oldest.amount_minor, oldest.scale) == (DepositState.CONFIRMED, 500_000, 2)
    assert [(c.event, c.state, c.actor) for c in oldest.history] == [
        ("deposit_submitted", "submitted", "clerk"),
        ("deposit_confirmed", "confirmed", "bank"),
    ]
    assert oldest == await queries.deposit("ada", "tx:1")
    assert [c.height for c in oldest.history] == [1, 3]
    only = await queries.deposits("ada", state=DepositState.REJECTED)
    assert only.items == [newest]
    first = await queries.deposits("ada", limit=1)
    second = await queries.deposits("ada", limit=1, cursor=first.next_cursor)
    assert (first.items, second.items, second.next_cursor) == ([newest], [oldest], None)
    withdrawal = await queries.withdrawal("w1")
    assert withdrawal is not None
    assert withdrawal.history[0].event == "withdrawal_requested"
    assert withdrawal.destination == "NL 1"
    assert (await queries.withdrawals("ada")).items == [withdrawal]
    assert await queries.customer("bob") is None
    assert await queries.balances("ad") == []
    assert (await queries.withdrawals("bob")).items == []


async def test_a_cancelled_withdrawal_shows_its_way_there(postgres: str, pool: Any) -> None:
    chronicle = Chronicle()
    chronicle.tell(
        SubmitDeposit(user_id="bob", transaction_id="1", asset="EUR", amount_minor=9_000_000)
    )
    chronicle.tell(ConfirmDeposit(user_id="bob", transaction_id="1"))
    chronicle.tell(
        RequestWithdrawal(
            withdrawal_id="w", user_id="bob", asset="EUR", amount_minor=5_000_000, destination="x"
        )
    )
    await told(postgres, chronicle)
    queries = WalletQueries(pool)
    waiting = await queries.withdrawal("w")
    assert waiting is not None
    assert (waiting.state, waiting.approvals_missing) == (WithdrawalState.AWAITING_APPROVAL, 1)
    chronicle.tell(CancelWithdrawal(withdrawal_id="w", reason="changed my mind"), actor="bob")
    await told(postgres, chronicle)
    ended = await queries.withdrawal("w")
    assert ended is not None
    assert (ended.state, ended.approvals_missing) == (WithdrawalState.CANCELLED, 0)
    assert ended.history[-1].actor == "bob"
    assert (ended.opened_at_us, ended.height) == (waiting.opened_at_us, 4)
    (balance,) = await queries.balances("bob")
    assert balance.available == 9_000_000
