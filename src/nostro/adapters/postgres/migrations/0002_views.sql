-- What do readers ask? Everything here is derived from the journal by the follower and can be
-- emptied and built anew; no decision is made on it. Run as nostro_owner.
--
-- Times are microseconds since the epoch (UTC). The ledger refuses totals of more than 38 digits.

-- The views tell of one chain: the follower refuses a second one in the same database.
ALTER TABLE nostro.projection_checkpoint
    ADD COLUMN hash            bytea  NOT NULL CHECK (octet_length(hash) = 32),
    ADD COLUMN at_us           bigint NOT NULL,
    ADD COLUMN stopped_reason  text   NOT NULL DEFAULT '';
COMMENT ON COLUMN nostro.projection_checkpoint.stopped_reason IS
    'Why the follower cannot go on, naming the height; empty while all is well.';

-- A snapshot is large, written seldom and read whole: spend no time on compressing it.
ALTER TABLE nostro.snapshot ALTER COLUMN state SET STORAGE EXTERNAL;

-- The ledger ------------------------------------------------------------------------------------

CREATE TABLE nostro.assets (
    code    text COLLATE "C" PRIMARY KEY,
    scale   smallint NOT NULL CHECK (scale BETWEEN 0 AND 18),
    name    text     NOT NULL,
    height  bigint   NOT NULL
);
COMMENT ON TABLE nostro.assets IS 'Assets registered beyond the built-in registry.';

-- One row per account. Only totals, status and last_seq ever change, and no index has them, so an
-- update stays within its page as long as the page has room: hence the fill factor.
CREATE TABLE nostro.accounts (
    number           integer        PRIMARY KEY,
    scale            smallint       NOT NULL,
    opened_at_us     bigint         NOT NULL,
    opened_height    bigint         NOT NULL,
    id               text COLLATE "C" NOT NULL,
    asset            text COLLATE "C" NOT NULL,
    type             text           NOT NULL,
    side             text           NOT NULL,
    limit_rule       text           NOT NULL,
    owner            text COLLATE "C" NOT NULL,
    status           text           NOT NULL,
    overdraft        numeric(38,0)  NOT NULL,
    debits_posted    numeric(38,0)  NOT NULL,
    credits_posted   numeric(38,0)  NOT NULL,
    debits_pending   numeric(38,0)  NOT NULL,
    credits_pending  numeric(38,0)  NOT NULL,
    metadata         jsonb
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX accounts_id ON nostro.accounts (id);
CREATE INDEX accounts_owner ON nostro.accounts (owner, number) WHERE owner <> '';
CREATE INDEX accounts_asset ON nostro.accounts (asset, number);

-- One row per recorded line. seq = height * 2^20 + index of the line within its journal row.
-- NULL stands for "none given": it takes no room in the row and none in the partial indexes.
CREATE TABLE nostro.transfers (
    seq                     bigint         PRIMARY KEY,
    at_us                   bigint         NOT NULL,
    effective_at_us         bigint,
    debit_number            integer        NOT NULL,
    credit_number           integer        NOT NULL,
    timeout_s               bigint         NOT NULL,
    code                    bigint         NOT NULL,
    kind                    smallint       NOT NULL,
    flags                   smallint       NOT NULL,
    id                      text COLLATE "C" NOT NULL,
    amount                  numeric(38,0)  NOT NULL,
    asked                   numeric(38,0),
    debit_debits_posted     numeric(38,0)  NOT NULL,
    debit_credits_posted    numeric(38,0)  NOT NULL,
    debit_debits_pending    numeric(38,0)  NOT NULL,
    debit_credits_pending   numeric(38,0)  NOT NULL,
    credit_debits_posted    numeric(38,0)  NOT NULL,
    credit_credits_posted   numeric(38,0)  NOT NULL,
    credit_debits_pending   numeric(38,0)  NOT NULL,
    credit_credits_pending  numeric(38,0)  NOT NULL,
    refers_to               text COLLATE "C",
    reference               text COLLATE "C",
    metadata                jsonb
);
COMMENT ON COLUMN nostro.transfers.debit_debits_posted IS
    'Totals of both accounts right after the line, so that any past balance is one index lookup.';
-- A hash of the id costs half of what a tree of ids does, and ids are only ever asked for whole.
CREATE INDEX transfers_id ON nostro.transfers USING hash (id);
CREATE INDEX transfers_refers_to ON nostro.transfers (refers_to, seq) WHERE refers_to IS NOT NULL;
CREATE INDEX transfers_reference ON nostro.transfers (reference, seq) WHERE reference IS NOT NULL;
CREATE INDEX transfers_code ON nostro.transfers (code, seq) WHERE code <> 0;
CREATE INDEX transfers_kind ON nostro.transfers (kind, seq) WHERE kind <> 0;

-- Which lines touched an account, in order: one row per account and batch, so that a line costs a few
-- bytes here, not two entries in two indexes at random places (measured: 0.6 us a line against 6).
-- The rows of one account follow each other without overlap.
CREATE TABLE nostro.account_lines (
    number     integer  NOT NULL,
    first_seq  bigint   NOT NULL,
    seqs       bigint[] NOT NULL,
    PRIMARY KEY (number, first_seq)
);

CREATE TABLE nostro.refusals (
    id      text COLLATE "C" PRIMARY KEY,
    code    text   NOT NULL,
    height  bigint NOT NULL,
    at_us   bigint NOT NULL
);
COMMENT ON TABLE nostro.refusals IS 'Transfer ids that were refused for good.';

-- The wallets -----------------------------------------------------------------------------------

CREATE TABLE nostro.customers (
    user_id       text COLLATE "C" PRIMARY KEY,
    opened_height bigint NOT NULL,
    opened_at_us  bigint NOT NULL
);

CREATE TABLE nostro.deposits (
    user_id         text COLLATE "C" NOT NULL,
    transaction_id  text COLLATE "C" NOT NULL,
    opened_seq      bigint         NOT NULL,
    last_height     bigint         NOT NULL,
    opened_at_us    bigint         NOT NULL,
    last_at_us      bigint         NOT NULL,
    asset           text COLLATE "C" NOT NULL,
    scale           smallint       NOT NULL,
    amount          numeric(38,0)  NOT NULL,
    state           text           NOT NULL,
    reason          text           NOT NULL,
    PRIMARY KEY (user_id, transaction_id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX deposits_user ON nostro.deposits (user_id, opened_seq);

CREATE TABLE nostro.withdrawals (
    withdrawal_id      text COLLATE "C" PRIMARY KEY,
    opened_seq         bigint         NOT NULL,
    last_height        bigint         NOT NULL,
    opened_at_us       bigint         NOT NULL,
    last_at_us         bigint         NOT NULL,
    user_id            text COLLATE "C" NOT NULL,
    asset              text COLLATE "C" NOT NULL,
    scale              smallint       NOT NULL,
    amount             numeric(38,0)  NOT NULL,
    destination        text           NOT NULL,
    approvals_missing  integer        NOT NULL,
    state              text           NOT NULL,
    reason             text           NOT NULL
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX withdrawals_user ON nostro.withdrawals (user_id, opened_seq);

-- Every change of every deposit and withdrawal, with who and when. `subject` is the name under
-- which the house knows it: deposit:<user>:<transaction>, withdrawal:<id>.
CREATE TABLE nostro.wallet_history (
    seq      bigint PRIMARY KEY,
    at_us    bigint NOT NULL,
    subject  text COLLATE "C" NOT NULL,
    event    text   NOT NULL,
    state    text   NOT NULL,
    actor    text   NOT NULL,
    reason   text   NOT NULL
);
COMMENT ON COLUMN nostro.wallet_history.seq IS
    'height * 2^20 + index of the event within its journal row.';
CREATE INDEX wallet_history_subject ON nostro.wallet_history (subject, seq);

-- Time to height --------------------------------------------------------------------------------

-- Times rise strictly with the height, which is gapless, so the search halves: 30 looks for a
-- thousand million rows, and no index on the time that every append would have to pay for.
CREATE FUNCTION nostro.height_at(wanted_chain text, wanted_at bigint) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lowest  bigint := 0;
    highest bigint;
    middle  bigint;
    found   bigint;
BEGIN
    SELECT coalesce(max(height), 0) INTO highest FROM nostro.journal WHERE chain = wanted_chain;
    WHILE lowest < highest LOOP
        middle := (lowest + highest + 1) / 2;
        SELECT at INTO found FROM nostro.journal WHERE chain = wanted_chain AND height = middle;
        IF found <= wanted_at THEN
            lowest := middle;
        ELSE
            highest := middle - 1;
        END IF;
    END LOOP;
    RETURN lowest;
END
$$;
COMMENT ON FUNCTION nostro.height_at IS
    'The highest journal height recorded at or before a time (microseconds), 0 before the first.';

-- Rights ----------------------------------------------------------------------------------------

GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON
    nostro.assets, nostro.accounts, nostro.transfers, nostro.account_lines,
    nostro.refusals, nostro.customers, nostro.deposits, nostro.withdrawals, nostro.wallet_history
    TO nostro_follower;
GRANT SELECT ON ALL TABLES IN SCHEMA nostro TO nostro_reader;
REVOKE EXECUTE ON FUNCTION nostro.height_at FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nostro.height_at TO nostro_follower, nostro_reader, nostro_engine;
