-- A large snapshot is kept in pieces under their SHA-256, because most of it (the ids that were ever used) is what the
-- one before it said, and because a value in PostgreSQL ends at one gigabyte. Run as nostro_owner.

CREATE TABLE nostro.snapshot_piece (
    chain  text  COLLATE "C" NOT NULL,
    hash   bytea NOT NULL CHECK (octet_length(hash) = 32),
    data   bytea NOT NULL,
    PRIMARY KEY (chain, hash)
);
ALTER TABLE nostro.snapshot_piece ALTER COLUMN data SET STORAGE EXTERNAL;

ALTER TABLE nostro.snapshot ADD COLUMN pieces bytea[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN nostro.snapshot.pieces IS
    'Hashes of the pieces, in order; empty where the whole snapshot is small and stands in state.';

GRANT SELECT ON nostro.snapshot_piece TO nostro_engine, nostro_follower, nostro_reader;
GRANT INSERT ON nostro.snapshot_piece TO nostro_engine, nostro_follower;
GRANT DELETE ON nostro.snapshot_piece TO nostro_follower;
