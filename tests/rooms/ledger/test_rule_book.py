"""The rules of the ledger, as tables."""

from __future__ import annotations

import pytest

from nostro.ledger import CreateTransfers, CreateTransfersTogether
from tests.rooms.ledger.rulebook import play, transfer

OPEN = """
    account A USD debits<=credits
    account B USD
    account C USD credits<=debits
    account D USD debits<=credits overdraft=50
    account E EUR
"""


def test_a_transfer_moves_on_both_sides_and_the_limit_counts_what_is_there() -> None:
    play(
        OPEN
        + """
        transfer T1 B->A 100             = ok
        transfer T2 A->B 100             = ok
        transfer T3 A->B 1               = exceeds_credits
        transfer T4 B->C 1               = exceeds_debits
        transfer T5 C->B 1               = ok
        transfer T6 B->C 1               = ok
        transfer T7 D->B 50              = ok
        transfer T8 D->B 1               = exceeds_credits
        balance A 100 0 100 0
        balance B 101 0 151 0
        balance D 50 0 0 0
        """
    )


def test_pending_counts_against_the_limit_but_is_not_yet_available_to_the_other_side() -> None:
    play(
        OPEN
        + """
        transfer T1 B->A 100             = ok
        hold     H1 A->D 60              = ok
        balance  A 0 60 100 0
        balance  D 0 0 0 60
        transfer T2 A->B 41              = exceeds_credits
        transfer T3 A->B 40              = ok
        transfer T4 D->B 51              = exceeds_credits
        post     P1 H1 20                = ok
        balance  A 60 0 100 0
        balance  D 0 0 20 0
        transfer T5 D->B 70              = ok
        transfer T6 A->B 40              = ok
        """
    )


def test_a_hold_is_resolved_exactly_once() -> None:
    play(
        OPEN
        + """
        hold     H1 B->E 10              = assets_differ
        hold     H2 B->A 10              = ok
        post     P1 H2 11                = exceeds_hold
        post     P2 H2 4                 = ok
        balance  A 0 0 4 0
        post     P3 H2 6                 = hold_already_posted
        void     V1 H2                   = hold_already_posted
        hold     H3 B->A 10              = ok
        void     V2 H3                   = ok
        void     V3 H3                   = hold_already_voided
        post     P4 H3                   = hold_already_voided
        balance  A 0 0 4 0
        balance  B 4 0 0 0
        transfer T1 B->A 1               = ok
        post     P5 T1                   = not_a_hold
        void     V4 H1                   = hold_refused
        post     P6 H1                   = hold_refused
        """
    )


def test_posting_and_voiding_may_arrive_before_their_hold() -> None:
    play(
        OPEN
        + """
        post     P1 H1                   = hold_not_found
        post     P1 H1                   = hold_not_found
        hold     H1 B->A 10              = ok
        post     P1 H1                   = ok
        balance  A 0 0 10 0
        void     V2 H2                   = ok
        void     V2 H2                   = exists
        hold     H2 B->A 10              = hold_closed
        hold     H2 B->A 10              = hold_closed
        transfer H2 B->A 10              = hold_closed
        post     P2 H2                   = hold_already_voided
        void     V3 H2                   = hold_already_voided
        balance  A 0 0 10 0
        balance  B 10 0 0 0
        """
    )


def test_a_hold_expires_at_its_timeout_and_not_before() -> None:
    books = play(
        OPEN
        + """
        transfer T1 B->A 10              = ok
        hold     H1 A->B 10 timeout_s=5  = ok
        wait     4s
        balance  A 0 10 10 0
        wait     1s
        balance  A 0 0 10 0
        post     P1 H1                   = hold_expired
        void     V1 H1                   = hold_expired
        hold     H1 A->B 10 timeout_s=5  = exists
        hold     H2 A->B 10 timeout_s=5  = ok
        sleep    5s
        post     P2 H2                   = hold_expired
        void     V2 H2                   = hold_expired
        transfer T2 A->B 1               = exceeds_credits
        balance  A 0 10 10 0
        wait     0s
        balance  A 0 0 10 0
        post     P2 H2                   = id_already_failed
        transfer T3 A->B 10              = ok
        """
    )
    assert books.room.due(books.state) is None


def test_a_chain_is_recorded_as_a_whole_or_not_at_all() -> None:
    play(
        OPEN
        + """
        | transfer T1 B->A 10 linked     = ok
        | transfer T2 A->B 10            = ok
        | transfer T3 B->A 10 linked     = linked_failed
        | transfer T4 A->B 11 linked     = exceeds_credits
        | transfer T5 B->A 1             = linked_failed
        | transfer T6 B->A 2             = ok
        balance A 10 0 12 0
        | transfer T3 B->A 1             = ok
        | transfer T4 A->B 1             = id_already_failed
        | transfer T5 B->A 1             = ok
        | transfer T7 B->A 1 linked      = linked_failed
        | transfer T8 B->A 1 linked      = linked_chain_open
        balance A 10 0 14 0
        | hold     H1 B->A 5 linked      = linked_failed
        | post     P1 H1 linked          = linked_failed
        | transfer T9 A->A 5             = same_account
        | post     P1 H1                 = hold_not_found
        | void     V1 H1                 = ok
        balance A 10 0 14 0
        | hold     H2 B->A 5 linked      = ok
        | post     P2 H2                 = ok
        | hold     H2 B->A 5 linked      = exists
        | post     P2 H2                 = exists
        balance A 10 0 19 0
        """
    )


def test_transfers_sent_together_are_all_refused_by_the_first_refusal() -> None:
    books = play(
        OPEN
        + """
        || transfer T1 B->A 10           = -
        || transfer T2 A->B 20           = exceeds_credits
        balance A 0 0 0 0
        || transfer T1 B->A 10           = ok
        || transfer T3 A->B 10           = ok
        || transfer T1 B->A 10           = exists
        transfer T2 A->B 1               = id_already_failed
        balance A 10 0 10 0
        || transfer T4 B->A 1            = -
        || transfer T5 B->A 0            = amount_not_positive
        balance A 10 0 10 0
        || transfer T4 B->A 1            = ok
        || transfer T5 B->A 1            = ok
        balance A 10 0 12 0
        """
    )
    refused = books.do(
        CreateTransfersTogether(transfers=[transfer("transfer T6 A->B 1"), transfer("post P1 H9")])
    )
    assert refused.refusal is not None
    assert refused.refusal.code == "ledger.hold_not_found"
    assert refused.refusal.facts == {"index": 1, "id": "P1"}
    assert refused.events == ()


def test_balancing_moves_what_the_limit_allows() -> None:
    books = play(
        OPEN
        + """
        transfer T1 B->A 10                        = ok
        transfer T2 A->B 15 balancing=debit        = ok
        balance  A 10 0 10 0
        transfer T3 A->B 15 balancing=debit        = exceeds_credits
        transfer T4 B->A 15 balancing=debit        = balancing_without_limit
        transfer T5 A->B 15 balancing=credit       = balancing_without_limit
        transfer T6 D->B balancing=debit           = ok
        balance  D 50 0 0 0
        transfer T7 C->B 7                         = ok
        hold     H1 B->C 9 balancing=credit        = ok
        balance  C 7 0 0 7
        transfer T2 A->B 15 balancing=debit        = exists
        transfer T2 A->B 10 balancing=debit        = exists_with_different_amount
        transfer T6 D->B balancing=debit           = exists
        transfer T6 D->B 50 balancing=debit        = exists_with_different_amount
        """
    )
    lines = "transfer T8 B->A 3", "transfer T9 A->B 9 balancing=debit"
    decision = books.do(CreateTransfers(transfers=[transfer(line) for line in lines]))
    assert decision.body["notes"] == [(1, "ledger.balanced", {"amount_minor": 3})]


def test_a_posted_transfer_is_reversed_once_and_within_the_limits() -> None:
    play(
        OPEN
        + """
        reverse  R1 T1                   = original_not_found
        transfer T1 B->A 10              = ok
        transfer T2 A->B 4               = ok
        reverse  R2 T1                   = exceeds_credits
        transfer T3 B->A 4               = ok
        reverse  R1 T1                   = ok
        balance  A 14 0 14 0
        balance  B 14 0 14 0
        reverse  R1 T1                   = exists
        reverse  R3 T1                   = already_reversed
        reverse  R4 R1                   = not_reversible
        hold     H1 B->A 5               = ok
        reverse  R5 H1                   = not_reversible
        post     P1 H1 3                 = ok
        reverse  R6 H1                   = not_reversible
        reverse  R7 P1 A->B              = debit_not_of_original
        reverse  R8 P1 B->A              = ok
        balance  A 17 0 17 0
        reverse  R9 R2                   = original_refused
        void     V1 H2                   = ok
        reverse  R10 V1                  = not_reversible
        reverse  R11 H2                  = not_reversible
        """
    )


def test_a_frozen_account_lets_holds_go_but_nothing_move() -> None:
    play(
        OPEN
        + """
        hold     H1 B->A 5               = ok
        hold     H2 B->A 5 timeout_s=1   = ok
        hold     H3 B->A 5               = ok
        transfer T1 B->A 5               = ok
        freeze   A                       = ok
        freeze   A                       = ok
        transfer T2 B->A 5               = credit_frozen
        transfer T3 A->B 5               = debit_frozen
        hold     H4 A->B 5               = debit_frozen
        post     P1 H1                   = credit_frozen
        reverse  R1 T1                   = debit_frozen
        void     V1 H1                   = ok
        wait     1s
        balance  A 0 0 5 5
        close    A                       = account_has_pending
        unfreeze A                       = ok
        unfreeze A                       = ok
        post     P2 H3                   = ok
        close    A                       = account_has_balance
        transfer T4 A->B 10              = ok
        close    A                       = ok
        close    A                       = ok
        freeze   A                       = account_closed
        unfreeze A                       = account_closed
        transfer T5 B->A 1               = credit_closed
        transfer T6 A->B 1               = debit_closed
        reverse  R2 T4                   = credit_closed
        freeze   Z                       = account_not_found
        """
    )


def test_no_total_passes_38_digits() -> None:
    play(
        OPEN
        + """
        account  F USD
        transfer T1 B->F max             = ok
        transfer T2 B->A 1               = debit_would_overflow
        transfer T3 A->F 1               = credit_would_overflow
        hold     H1 F->B max             = ok
        hold     H2 F->B 1               = debit_would_overflow
        void     V1 H1                   = ok
        | transfer T4 F->A max           = ok
        | transfer T5 F->B 1             = debit_would_overflow
        | transfer T6 A->B 7             = ok
        reverse  R1 T4                   = debit_would_overflow
        reverse  R2 T1                   = debit_would_overflow
        """
    )


def test_the_same_id_with_other_content_is_told_the_first_field_that_differs() -> None:
    original = (
        "hold H1 B->A 10 timeout_s=9 code=3 reference=r effective_at_us=5"
        " metadata=k:v asset=USD linked"
    )
    books = play(OPEN + f"\n| {original} = ok\n| transfer T0 B->A 1 = ok")
    differences = [
        ("action", "transfer H1 B->A 11"),
        ("balancing", "hold H1 E->A 11 balancing=debit"),
        ("linked", "hold H1 E->A 10"),
        ("debit", "hold H1 E->C 10 linked"),
        ("credit", "hold H1 B->C 11 linked"),
        ("asset", "hold H1 B->A 11 asset=EUR linked"),
        ("amount", "hold H1 B->A 11 timeout_s=8 linked"),
        ("refers_to", "hold H1 B->A 10 linked refers_to=X timeout_s=8"),
        ("timeout", "hold H1 B->A 10 linked timeout_s=8 code=4"),
        ("code", "hold H1 B->A 10 linked timeout_s=9 code=4"),
        ("reference", "hold H1 B->A 10 linked timeout_s=9 code=3 reference=s"),
        ("effective_at", "hold H1 B->A 10 linked timeout_s=9 code=3 reference=r"),
        ("metadata", original.replace("k:v", "k:w")),
    ]
    for field, other in differences:
        code = f"exists_with_different_{field}"
        rest = "\n| transfer T0 B->A 1 = linked_failed" if "linked" in other else ""
        play(f"| {other} = {code}{rest}", books)
    play(f"| {original} = exists\n| transfer T0 B->A 1 = exists", books)


def test_a_resolution_may_leave_out_what_its_hold_says_or_must_repeat_it() -> None:
    play(
        OPEN
        + """
        hold  H1 B->A 10                 = ok
        post  P1 H1 E->A                 = debit_not_of_original
        post  P2 H1 B->E                 = credit_not_of_original
        post  P3 H1 Z->A                 = debit_not_found
        post  P4 H1 B->Z                 = credit_not_found
        post  P5 H1 B->A                 = ok
        post  P5 H1                      = exists
        post  P5 H1 10                   = exists_with_different_amount
        post  P5 H1 A->B                 = exists_with_different_debit
        void  V1 H2 B->A                 = ok
        void  V1 H2                      = exists
        """
    )


@pytest.mark.parametrize("kind", [CreateTransfers, CreateTransfersTogether])
def test_a_command_carries_ten_thousand_transfers_and_no_more(
    kind: type[CreateTransfers] | type[CreateTransfersTogether],
) -> None:
    books = play(OPEN)
    many = [transfer(f"transfer T{n} B->E 1") for n in range(10_001)]
    refusal = books.do(kind(transfers=many)).refusal
    assert refusal is not None
    assert refusal.code == "ledger.too_many_transfers"
    assert books.do(CreateTransfers(transfers=many[1:])).body["created"] == 0
    assert books.do(kind(transfers=[])).body == {"created": 0, "results": []}


def test_accounts_open_once_and_say_which_field_differs_the_second_time() -> None:
    play(
        """
        account A USD debits<=credits overdraft=5 owner=me
        account A USD debits<=credits overdraft=5 owner=me        = exists
        account A EUR debits<=credits overdraft=5 owner=me        = exists_with_different_asset
        account A USD type=asset debits<=credits overdraft=5      = exists_with_different_type
        account A USD credits<=debits overdraft=5 owner=me        = exists_with_different_limit
        account A USD debits<=credits overdraft=6 owner=me        = exists_with_different_overdraft
        account A USD debits<=credits overdraft=5 owner=you       = exists_with_different_owner
        account B USD overdraft=5                                 = overdraft_without_limit
        account B USD debits<=credits overdraft=-5                = overdraft_out_of_range
        account B XYZZY                                           = asset.unknown
        account B! USD                                            = bad_account_id
        account B USD
        """
    )
