-- The journal of every chain in this database, and what belongs to it.
--
-- `at` and `created_at` are microseconds since the epoch (UTC). Text is compared byte by byte (COLLATE "C"), so that
-- the order of keys is the same on every machine.

-- Append-only: one row for each root command, refused ones too; gapless and hash-chained along each chain.
CREATE TABLE nostro.journal (
    chain        text   COLLATE "C" NOT NULL,
    height       bigint NOT NULL CHECK (height > 0),
    command_id   text   COLLATE "C" NOT NULL CHECK (command_id <> ''),
    request_hash bytea  NOT NULL,
    actor        text   COLLATE "C" NOT NULL,
    room         text   COLLATE "C" NOT NULL,
    stream       text   COLLATE "C" NOT NULL,
    kind         text   COLLATE "C" NOT NULL,
    at           bigint NOT NULL CHECK (at > 0),
    payload      bytea  NOT NULL,
    reply        bytea  NOT NULL,
    prev_hash    bytea  NOT NULL CHECK (octet_length(prev_hash) = 32),
    hash         bytea  NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (chain, height),
    UNIQUE (chain, command_id)
);
-- Stored as they come: compressing a bulk command in the server makes its COPY 3.3 times slower.
ALTER TABLE nostro.journal ALTER payload SET STORAGE EXTERNAL, ALTER reply SET STORAGE EXTERNAL;

-- The end of each chain as its writer knows it, moved by compare-and-set; `fence` rises with every writer.
CREATE TABLE nostro.chain_head (
    chain  text   COLLATE "C" PRIMARY KEY,
    height bigint NOT NULL CHECK (height >= 0),
    hash   bytea  NOT NULL CHECK (octet_length(hash) = 32),
    fence  bigint NOT NULL CHECK (fence >= 0),
    at     bigint NOT NULL CHECK (at >= 0)
);

-- Effects that are durable and not yet settled; a row leaves when its outcome is in the journal.
CREATE TABLE nostro.outbox (
    chain      text    COLLATE "C" NOT NULL,
    height     bigint  NOT NULL CHECK (height > 0),
    index      integer NOT NULL CHECK (index >= 0),
    kind       text    COLLATE "C" NOT NULL,
    payload    bytea   NOT NULL,
    created_at bigint  NOT NULL,
    PRIMARY KEY (chain, height, index)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

-- States of the fold at a height, which bound how much is replayed at a start.
CREATE TABLE nostro.snapshot (
    chain      text    COLLATE "C" NOT NULL,
    height     bigint  NOT NULL CHECK (height > 0),
    version    integer NOT NULL,
    state      bytea   NOT NULL,
    state_hash bytea   NOT NULL,
    created_at bigint  NOT NULL,
    PRIMARY KEY (chain, height)
);

-- How far each view has followed; moved in the transaction that writes the view's rows.
CREATE TABLE nostro.projection_checkpoint (
    chain  text   COLLATE "C" NOT NULL,
    name   text   COLLATE "C" NOT NULL,
    height bigint NOT NULL CHECK (height >= 0),
    PRIMARY KEY (chain, name)
);

-- The journal is written once. The grants below refuse the application; these triggers refuse the owner as well, and
-- a session that switches ordinary triggers off. (A superuser can remove them: then the hash chain tells.)
CREATE FUNCTION nostro.refuse_journal_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: % refused', TG_OP
        USING ERRCODE = 'restrict_violation',
              HINT = 'Correct a booking with a new command that reverses it.';
END
$$;

CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON nostro.journal
    FOR EACH STATEMENT EXECUTE FUNCTION nostro.refuse_journal_change();
ALTER TABLE nostro.journal ENABLE ALWAYS TRIGGER journal_is_append_only;

-- The engine writes the chain; the follower reads it, keeps the views and writes snapshots; a reader reads.
GRANT USAGE ON SCHEMA nostro TO nostro_engine, nostro_follower, nostro_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA nostro GRANT SELECT ON TABLES TO nostro_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA nostro TO nostro_engine, nostro_follower, nostro_reader;
GRANT INSERT ON nostro.journal TO nostro_engine;
GRANT INSERT, UPDATE ON nostro.chain_head TO nostro_engine;
GRANT INSERT, UPDATE, DELETE ON nostro.outbox TO nostro_engine;
GRANT INSERT ON nostro.snapshot TO nostro_engine, nostro_follower;
GRANT DELETE ON nostro.snapshot TO nostro_follower;
GRANT INSERT, UPDATE, DELETE ON nostro.projection_checkpoint TO nostro_follower;
