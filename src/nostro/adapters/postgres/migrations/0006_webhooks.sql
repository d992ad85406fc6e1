-- Who is told of what happens, and what became of each message. Operational data, not the chain: it can be lost without
-- any harm to the books, and it is changed in place. The secrets sign messages, so they stand here as they are; nobody
-- but the engine's role reads them.

CREATE TABLE nostro.webhook_endpoint (
    chain             text   COLLATE "C" NOT NULL,
    id                text   COLLATE "C" NOT NULL,
    url               text   NOT NULL CHECK (octet_length(url) <= 2048),
    events            text[] NOT NULL,
    secret            text   NOT NULL,
    old_secret        text   NOT NULL DEFAULT '',
    old_until_us      bigint NOT NULL DEFAULT 0,
    from_height       bigint NOT NULL,
    created_at_us     bigint NOT NULL,
    created_by        text   NOT NULL,
    failing_since_us  bigint,
    disabled_at_us    bigint,
    disabled_reason   text   NOT NULL DEFAULT '',
    PRIMARY KEY (chain, id),
    UNIQUE (chain, url)
);

CREATE TABLE nostro.webhook_delivery (
    chain              text   COLLATE "C" NOT NULL,
    seq                bigint GENERATED ALWAYS AS IDENTITY,
    id                 text   COLLATE "C" NOT NULL,
    endpoint           text   COLLATE "C" NOT NULL,
    event_type         text   NOT NULL,
    height             bigint NOT NULL,
    body               bytea  NOT NULL,
    state              text   NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts           integer NOT NULL DEFAULT 0,
    created_at_us      bigint NOT NULL,
    give_up_at_us      bigint NOT NULL,
    next_attempt_at_us bigint,
    attempted_at_us    bigint,
    delivered_at_us    bigint,
    status             integer,
    error              text   NOT NULL DEFAULT '',
    PRIMARY KEY (chain, id),
    FOREIGN KEY (chain, endpoint) REFERENCES nostro.webhook_endpoint (chain, id) ON DELETE CASCADE
);
CREATE INDEX ON nostro.webhook_delivery (chain, next_attempt_at_us) WHERE state = 'pending';
CREATE INDEX ON nostro.webhook_delivery (chain, endpoint, seq);
CREATE INDEX ON nostro.webhook_delivery (chain, created_at_us);

CREATE TABLE nostro.webhook_checkpoint (
    chain  text   COLLATE "C" PRIMARY KEY,
    height bigint NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON
    nostro.webhook_endpoint, nostro.webhook_delivery, nostro.webhook_checkpoint TO nostro_engine;
-- What is made in this schema is the reader's to see by default; secrets are not.
REVOKE ALL ON nostro.webhook_endpoint FROM nostro_reader;
