"""The names under which wallets stand in the ledger: they fit, and no two stories share one."""

from itertools import product

from nostro.flows import books
from nostro.ledger.content import is_id
from nostro.wallets.checks import TRANSACTION_ID_MAX, USER_ID_MAX, WITHDRAWAL_ID_MAX
from nostro.wallets.state import ATTEMPTS_MAX


def test_the_longest_names_fit_the_ledger() -> None:
    user, transaction = "u" * USER_ID_MAX, "t" * TRANSACTION_ID_MAX
    withdrawal = "w" * WITHDRAWAL_ID_MAX
    names = [
        books.credit_id(user, transaction, ATTEMPTS_MAX),
        books.suspense_id(user, transaction, ATTEMPTS_MAX),
        books.release_id(user, transaction, ATTEMPTS_MAX),
        books.hold_id(withdrawal),
        books.post_id(withdrawal, ATTEMPTS_MAX),
        books.loss_id(withdrawal, ATTEMPTS_MAX),
        books.clear_id(withdrawal, ATTEMPTS_MAX),
        books.void_id(withdrawal),
        books.wallet_account(user, "A" * 24),
    ]
    assert all(is_id(name) for name in names)
    assert max(map(len, names)) == 128


def test_no_two_stories_share_a_transfer_id() -> None:
    parts = ["a", "1", "a:1", "a:a", "post:a", "2:a", ":"]
    users = [part for part in parts if ":" not in part]
    ids = []
    for user, transaction, attempt in product(users, parts, (1, 2, 12)):
        ids.append(books.credit_id(user, transaction, attempt))
        ids.append(books.suspense_id(user, transaction, attempt))
        ids.append(books.release_id(user, transaction, attempt))
    for withdrawal in parts:
        ids += [books.hold_id(withdrawal), books.void_id(withdrawal)]
        for attempt in (1, 2, 12):
            for name in (books.post_id, books.loss_id, books.clear_id):
                ids.append(name(withdrawal, attempt))
    assert len(ids) == len(set(ids))
    assert all(id.startswith(books.RESERVED_TRANSFER_PREFIXES) for id in ids)


def test_accounts_that_flows_open_have_reserved_names() -> None:
    accounts = books.accounts_of("alice", "EUR")
    assert [account.id for account in accounts] == [
        "nostro:EUR",
        "suspense:EUR",
        "wallet:alice:EUR",
    ]
    assert all(account.id.startswith(books.RESERVED_ACCOUNT_PREFIXES) for account in accounts)
