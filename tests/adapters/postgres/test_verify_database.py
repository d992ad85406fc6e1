"""Does an audit of a database name the first height of whatever was tampered with?"""

from __future__ import annotations

import random

import psycopg
import pytest

from nostro.ledger import CreateTransfers, FreezeAccount, NewTransfer
from nostro.runtime.verify import Report
from nostro.wallets import (
    ApproveWithdrawal,
    ConfirmDeposit,
    RequestWithdrawal,
    SubmitDeposit,
)
from nostro.wiring.audit import audit_database
from tests.adapters.postgres.chronicle import Chronicle, follow, random_history
from tests.databases import as_role


def chronicle_of_everything() -> Chronicle:
    """Return a journal in which every view has something to show."""
    chronicle = Chronicle()
    random_history(chronicle, random.Random(6), rows=40, per_row=10)
    for number in range(3):
        deposit = {"user_id": f"u{number}", "transaction_id": f"d{number}"}
        chronicle.tell(SubmitDeposit(**deposit, asset="EUR", amount_minor=5_000_000))
        chronicle.tell(ConfirmDeposit(**deposit))
        chronicle.tell(
            RequestWithdrawal(
                withdrawal_id=f"w{number}",
                user_id=f"u{number}",
                asset="EUR",
                amount_minor=2_000_000 if number else 5,
                destination="somewhere",
            )
        )
    chronicle.tell(ApproveWithdrawal(withdrawal_id="w1"), actor="other")
    chronicle.tell(FreezeAccount(account="eur:2"))
    return chronicle


@pytest.fixture
async def audited(postgres: str) -> tuple[str, Chronicle]:
    """A database that an audit finds sound, with a snapshot halfway, and its chronicle."""
    chronicle = chronicle_of_everything()
    entries = chronicle.entries
    chronicle.entries = entries[:30]
    await chronicle.write(postgres)
    follow(postgres, snapshot_every=1)
    chronicle.entries = entries
    await chronicle.write(postgres)
    follow(postgres)
    report = audit_database(as_role(postgres, "nostro_reader"), "main")
    assert report.sound, report
    assert report.height == chronicle.memory.height
    return postgres, chronicle


def tampered(url: str, *statements: str) -> Report:
    """Change something as only a superuser can, and audit."""
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE nostro.journal DISABLE TRIGGER ALL")
        for statement in statements:
            connection.execute(statement.encode())
        connection.execute(
            "ALTER TABLE nostro.journal ENABLE ALWAYS TRIGGER journal_is_append_only"
        )
    return audit_database(url, "main")


def fallen(report: Report) -> dict[str, int | None]:
    """Return the checks that found something, with their heights."""
    return {verdict.check: verdict.height for verdict in report.verdicts if not verdict.sound}


JOURNAL_CHANGES = {
    "a flipped byte": (
        [
            "UPDATE nostro.journal SET payload = set_byte(payload, 30, get_byte(payload, 30) # 1)"
            " WHERE height = 17"
        ],
        17,
    ),
    "another reply": (
        ["UPDATE nostro.journal SET reply = '[\"\",{},null]' WHERE height = 17"],
        17,
    ),
    "a deleted row": (["DELETE FROM nostro.journal WHERE height = 17"], 17),
    "a truncated tail": (["DELETE FROM nostro.journal WHERE height > 20"], 21),
    "two rows that changed places": (
        [
            "UPDATE nostro.journal SET height = 99999 WHERE height = 17",
            "UPDATE nostro.journal SET height = 17 WHERE height = 23",
            "UPDATE nostro.journal SET height = 23 WHERE height = 99999",
        ],
        17,
    ),
    "a head moved back": (
        ["UPDATE nostro.chain_head SET height = height - 1"],
        -1,
    ),
}


@pytest.mark.parametrize("change", JOURNAL_CHANGES)
async def test_a_change_of_the_journal_is_found_at_its_first_height(
    audited: tuple[str, Chronicle], change: str
) -> None:
    url, chronicle = audited
    statements, height = JOURNAL_CHANGES[change]
    report = tampered(url, *statements)
    expected = height if height > 0 else chronicle.memory.height
    assert not report.sound
    assert report.first_bad_height == expected
    assert fallen(report)["chain"] == expected


VIEW_CHANGES = {
    "an edited balance": (
        "UPDATE nostro.accounts SET credits_posted = credits_posted + 1 WHERE id = 'eur:1'",
        "accounts",
        None,
    ),
    "an edited limit": (
        "UPDATE nostro.accounts SET overdraft = 51 WHERE id = 'eur:1'",
        "accounts",
        1,
    ),
    "a thawed account": (
        "UPDATE nostro.accounts SET status = 'open' WHERE id = 'eur:2'",
        "accounts",
        None,
    ),
    "an invented account": (
        "INSERT INTO nostro.accounts SELECT 999, scale, opened_at_us, opened_height, 'x', asset,"
        " type, side, limit_rule, owner, status, overdraft, 0, 0, 0, 0, NULL"
        " FROM nostro.accounts WHERE number = 1",
        "accounts",
        None,
    ),
    "an edited amount": (
        "UPDATE nostro.transfers SET amount = amount + 1 WHERE seq ="
        " (SELECT min(seq) FROM nostro.transfers WHERE seq > 20::bigint << 20)",
        "transfers",
        20,
    ),
    "an edited balance after a line": (
        "UPDATE nostro.transfers SET credit_debits_pending = 9 WHERE seq ="
        " (SELECT min(seq) FROM nostro.transfers WHERE seq > 20::bigint << 20)",
        "transfers",
        20,
    ),
    "edited metadata": (
        'UPDATE nostro.transfers SET metadata = \'{"note": "b"}\' WHERE seq ='
        " (SELECT min(seq) FROM nostro.transfers WHERE metadata IS NOT NULL)",
        "transfers",
        None,
    ),
    "a line that is not shown": (
        "DELETE FROM nostro.transfers WHERE seq ="
        " (SELECT min(seq) FROM nostro.transfers WHERE seq > 20::bigint << 20)",
        "transfers",
        20,
    ),
    "an invented line": (
        "INSERT INTO nostro.transfers SELECT (20::bigint << 20) + 900000, at_us, effective_at_us,"
        " debit_number, credit_number, timeout_s, code, kind, flags, 'false', amount, asked, 0, 0,"
        " 0, 0, 0, 0, 0, 0, NULL, NULL, NULL FROM nostro.transfers LIMIT 1",
        "transfers",
        20,
    ),
    "an invented last line": (
        "INSERT INTO nostro.transfers SELECT (900::bigint << 20), at_us, effective_at_us,"
        " debit_number, credit_number, timeout_s, code, kind, flags, 'false', amount, asked, 0, 0,"
        " 0, 0, 0, 0, 0, 0, NULL, NULL, NULL FROM nostro.transfers LIMIT 1",
        "transfers",
        900,
    ),
    "a line that an account's list lacks": (
        "UPDATE nostro.account_lines SET seqs = seqs[1:cardinality(seqs) - 1]"
        " WHERE cardinality(seqs) > 1",
        "account lines",
        None,
    ),
    "a list that begins elsewhere": (
        "UPDATE nostro.account_lines SET first_seq = first_seq - 1"
        " WHERE number = 1 AND first_seq > 20::bigint << 20",
        "account lines",
        None,
    ),
    "a forgotten refusal": (
        "DELETE FROM nostro.refusals WHERE height = 20",
        "refusals",
        20,
    ),
    "an invented refusal": (
        "INSERT INTO nostro.refusals VALUES ('zz', 'ledger.no', 900, 1)",
        "refusals",
        900,
    ),
    "another state of a withdrawal": (
        "UPDATE nostro.withdrawals SET state = 'settled' WHERE withdrawal_id = 'w2'",
        "wallets",
        None,
    ),
    "another amount of a deposit": (
        "UPDATE nostro.deposits SET amount = amount * 2 WHERE user_id = 'u1'",
        "wallets",
        None,
    ),
    "a forgotten deposit": ("DELETE FROM nostro.deposits WHERE user_id = 'u1'", "wallets", None),
    "an edited approval": (
        "UPDATE nostro.wallet_history SET actor = 'boss' WHERE event = 'withdrawal_approved'"
        " AND subject = 'withdrawal:w1'",
        "wallets",
        None,
    ),
    "an invented change": (
        "INSERT INTO nostro.wallet_history VALUES (900::bigint << 20, 1, 's', 'e', '', '', '')",
        "wallets",
        900,
    ),
    "an invented customer": (
        "INSERT INTO nostro.customers VALUES ('mallory', 900, 1)",
        "wallets",
        900,
    ),
    "a checkpoint with another hash": (
        "UPDATE nostro.projection_checkpoint SET hash = decode(repeat('ab', 32), 'hex')",
        "accounts",
        None,
    ),
}


@pytest.mark.parametrize("change", VIEW_CHANGES)
async def test_a_change_of_a_view_is_found_by_its_check(
    audited: tuple[str, Chronicle], change: str
) -> None:
    url, _ = audited
    statement, check, height = VIEW_CHANGES[change]
    found = fallen(tampered(url, statement))
    assert check in found
    assert "chain" not in found
    assert "books" not in found
    assert height is None or found[check] == height
    assert found[check] is not None


async def test_an_edited_snapshot_is_found_at_its_height(audited: tuple[str, Chronicle]) -> None:
    url, _ = audited
    flipped = "UPDATE nostro.snapshot SET state = set_byte(state, 500, get_byte(state, 500) # 1)"
    assert fallen(tampered(url, flipped)) == {"snapshots": 30}
    hashed = "UPDATE nostro.snapshot SET state_hash = sha256(state)"
    assert fallen(tampered(url, hashed)) == {"snapshots": 30}


async def test_views_may_be_behind_and_are_compared_where_they_stand(postgres: str) -> None:
    chronicle = chronicle_of_everything()
    entries, chronicle.entries = chronicle.entries, chronicle.entries[:25]
    await chronicle.write(postgres)
    follow(postgres)
    chronicle.entries = entries
    await chronicle.write(postgres)
    assert audit_database(postgres, "main").sound
    edited = "UPDATE nostro.accounts SET credits_posted = credits_posted + 1 WHERE id = 'eur:1'"
    assert fallen(tampered(postgres, edited)) == {"accounts": 25}


async def test_an_empty_database_is_sound(postgres: str) -> None:
    report = audit_database(postgres, "main")
    assert (report.sound, report.height) == (True, 0)


async def test_books_that_break_a_rule_are_found_though_every_hash_is_right(
    postgres: str,
) -> None:
    chronicle = chronicle_of_everything()
    last = chronicle.entries[-1]
    line = '["evil",1,2,' + "9" * 36 + "]"
    payload = f'[["ledger.transfers_recorded",[{line}]]]'.encode()
    chronicle.add(CreateTransfers(transfers=[NewTransfer(id="evil")]), payload, b"[]", 2 * 10**15)
    await chronicle.write(postgres)
    follow(postgres)
    found = fallen(audit_database(postgres, "main"))
    assert found["books"] == last.height + 1
    assert "chain" not in found
