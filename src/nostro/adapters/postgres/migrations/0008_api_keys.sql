-- Keys of machines that sign their requests. Operational data, not the chain, changed in place. An HMAC is checked with
-- the secret itself, so it stands here as it is; nobody but the engine's role reads it. The rest is in a table of its
-- own, which the reader may see.

CREATE TABLE nostro.api_key (
    chain          text   COLLATE "C" NOT NULL,
    id             text   COLLATE "C" NOT NULL,
    user_id        text   COLLATE "C" NOT NULL,
    role           text   NOT NULL CHECK (role IN ('trader', 'operator', 'auditor')),
    scopes         text[] NOT NULL,
    label          text   NOT NULL DEFAULT '',
    created_at_us  bigint NOT NULL,
    created_by     text   NOT NULL,
    expires_at_us  bigint,
    revoked_at_us  bigint,
    revoked_by     text   NOT NULL DEFAULT '',
    PRIMARY KEY (chain, id)
);
CREATE INDEX ON nostro.api_key (chain, user_id, created_at_us);

CREATE TABLE nostro.api_key_secret (
    chain   text COLLATE "C" NOT NULL,
    id      text COLLATE "C" NOT NULL,
    secret  bytea NOT NULL CHECK (octet_length(secret) = 32),
    PRIMARY KEY (chain, id),
    FOREIGN KEY (chain, id) REFERENCES nostro.api_key (chain, id) ON DELETE CASCADE
);

GRANT SELECT, INSERT, UPDATE ON nostro.api_key TO nostro_engine;
GRANT SELECT, INSERT, DELETE ON nostro.api_key_secret TO nostro_engine;
-- What is made in this schema is the reader's to see by default; secrets are not.
REVOKE ALL ON nostro.api_key_secret FROM nostro_reader, nostro_follower, nostro_members;
