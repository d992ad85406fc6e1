-- What do readers ask about payments between banks? Derived from the journal by the follower, like all
-- views. Run as nostro_owner.
--
-- A payment's row is written once, when it is submitted, and changed only when it leaves the common
-- path (held, refused, cancelled, deferred, failed, reversed). That it is in a batch is a row of
-- batch_items; what becomes of a batch is written once for the batch, never for each payment in it.
-- Times are microseconds since the epoch (UTC), amounts minor units of the currency beside them.
-- seq = height * 2^20 + place within the journal row.

-- Participants and payments ------------------------------------------------------------------------

CREATE TABLE nostro.participants (
    participant_id  text COLLATE "C" PRIMARY KEY,
    name            text    NOT NULL,
    bic             text    NOT NULL,
    lei             text    NOT NULL,
    country         text    NOT NULL,
    suspended       boolean NOT NULL,
    reason          text    NOT NULL,
    opened_at_us    bigint  NOT NULL,
    last_height     bigint  NOT NULL
);

CREATE TABLE nostro.participant_currencies (
    participant_id  text COLLATE "C" NOT NULL,
    currency        text COLLATE "C" NOT NULL,
    seq             bigint        NOT NULL,
    credit_line     numeric(38,0) NOT NULL,
    PRIMARY KEY (participant_id, currency)
);

CREATE TABLE nostro.payments (
    seq                   bigint         PRIMARY KEY,
    accepted_at_us        bigint         NOT NULL,
    transaction_id        text COLLATE "C" NOT NULL,
    payer                 text COLLATE "C" NOT NULL,
    payee                 text COLLATE "C" NOT NULL,
    source_currency       text COLLATE "C" NOT NULL,
    amount                numeric(38,0)  NOT NULL,
    destination_currency  text COLLATE "C" NOT NULL,
    destination_account   text           NOT NULL,
    settlement_window     text           NOT NULL,
    priority              smallint       NOT NULL,
    value_date            text           NOT NULL,
    actor                 text           NOT NULL,
    idempotency_key       text,
    details               jsonb,
    hits                  jsonb,
    state                 text           NOT NULL,
    reason                text           NOT NULL,
    cycle_id              text COLLATE "C" NOT NULL,
    cut_off_at_us         bigint         NOT NULL,
    retries               smallint       NOT NULL,
    last_at_us            bigint         NOT NULL,
    last_height           bigint         NOT NULL
);
COMMENT ON COLUMN nostro.payments.state IS
    'The payment''s own state. One that is accepted or deferred and in a batch has the state of that'
    ' batch: see payments_now.';
CREATE INDEX payments_id ON nostro.payments USING hash (transaction_id);
CREATE INDEX payments_payer ON nostro.payments (payer, seq);
CREATE INDEX payments_payee ON nostro.payments (payee, seq);
CREATE INDEX payments_cycle ON nostro.payments (cycle_id, seq);
CREATE INDEX payments_state ON nostro.payments (state, seq) WHERE state <> 'accepted';

-- What happened to one payment alone. Its submission is told by its row.
CREATE TABLE nostro.payment_events (
    seq             bigint PRIMARY KEY,
    at_us           bigint NOT NULL,
    transaction_id  text COLLATE "C" NOT NULL,
    event_type      text   NOT NULL,
    cycle_id        text   NOT NULL,
    actor           text   NOT NULL,
    details         jsonb  NOT NULL
);
CREATE INDEX payment_events_id ON nostro.payment_events USING hash (transaction_id);

-- Cycles and batches -------------------------------------------------------------------------------

CREATE TABLE nostro.cycles (
    cycle_id        text COLLATE "C" PRIMARY KEY,
    seq             bigint  NOT NULL UNIQUE,
    state           text    NOT NULL,
    gross           boolean NOT NULL,
    value_date      text    NOT NULL,
    cut_off_at_us   bigint  NOT NULL,
    opened_at_us    bigint  NOT NULL,
    planned_at_us   bigint,
    closed_at_us    bigint,
    payments_count  bigint  NOT NULL,
    batches_count   bigint  NOT NULL,
    gross_count     bigint  NOT NULL,
    deferred_count  bigint  NOT NULL,
    plans_refused   bigint  NOT NULL,
    refusal         text    NOT NULL,
    caps            jsonb,
    positions       jsonb,
    fx_trades       jsonb,
    rate_set        jsonb,
    report          jsonb,
    last_height     bigint  NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX cycles_collecting ON nostro.cycles (cut_off_at_us) WHERE state = 'collecting';

CREATE TABLE nostro.batches (
    batch_id          text COLLATE "C" PRIMARY KEY,
    seq               bigint  NOT NULL UNIQUE,
    cycle_id          text COLLATE "C" NOT NULL,
    number            integer NOT NULL,
    of_count          integer NOT NULL,
    items_count       integer NOT NULL,
    state             text    NOT NULL,
    unwound           boolean NOT NULL,
    reason            text    NOT NULL,
    body_hash         text    NOT NULL,
    rejected          boolean NOT NULL,
    epoch             bigint,
    consensus_height  bigint,
    round             bigint,
    entry_hash        text    NOT NULL,
    entry             text    NOT NULL,
    certificate       text    NOT NULL,
    signers           jsonb,
    created_at_us     bigint  NOT NULL,
    certified_at_us   bigint,
    settled_at_us     bigint,
    last_height       bigint  NOT NULL
) WITH (fillfactor = 50);
COMMENT ON COLUMN nostro.batches.certified_at_us IS
    'When the certificate was recorded: to commit the batch or, where rejected, to refuse it.';
COMMENT ON COLUMN nostro.batches.unwound IS
    'Whether the batch was taken apart before finality; its payments went elsewhere.';
CREATE INDEX batches_cycle ON nostro.batches (cycle_id, number);
CREATE INDEX batches_certificate ON nostro.batches (consensus_height)
    WHERE consensus_height IS NOT NULL;

-- Which payments were ever in which batch, and what each was to receive. A payment that was deferred
-- out of its batch has a further row for the next one.
CREATE TABLE nostro.batch_items (
    batch_id        text COLLATE "C" NOT NULL,
    place           integer        NOT NULL,
    transaction_id  text COLLATE "C" NOT NULL,
    destination     numeric(38,0)  NOT NULL,
    PRIMARY KEY (batch_id, place)
);
CREATE INDEX batch_items_id ON nostro.batch_items USING hash (transaction_id);

CREATE TABLE nostro.batch_events (
    seq         bigint PRIMARY KEY,
    at_us       bigint NOT NULL,
    batch_id    text COLLATE "C" NOT NULL,
    event_type  text   NOT NULL,
    actor       text   NOT NULL,
    details     jsonb  NOT NULL
);
CREATE INDEX batch_events_batch ON nostro.batch_events (batch_id, seq);

-- Payments as they stand: in the last batch that was not taken apart, and in the state of that batch
-- unless something happened to the payment alone.
CREATE VIEW nostro.payments_now AS
SELECT p.seq, p.accepted_at_us, p.transaction_id, p.payer, p.payee, p.source_currency, p.amount,
       p.destination_currency, i.destination, p.destination_account, p.settlement_window, p.priority,
       p.value_date, p.actor, p.idempotency_key, p.details, p.hits, p.reason, p.retries,
       coalesce(i.cycle_id, p.cycle_id) AS cycle_id, p.cut_off_at_us, i.batch_id,
       CASE WHEN i.batch_id IS NULL OR p.state NOT IN ('accepted', 'deferred') THEN p.state
            WHEN i.state IN ('created', 'rejected') THEN 'batched' ELSE i.state END AS state,
       i.settled_at_us, greatest(p.last_at_us, i.last_at_us) AS last_at_us,
       greatest(p.last_height, i.last_height) AS last_height
  FROM nostro.payments AS p
  LEFT JOIN LATERAL (
        SELECT b.batch_id, b.cycle_id, b.state, b.settled_at_us, b.last_height, m.destination,
               coalesce(b.settled_at_us, b.certified_at_us, b.created_at_us) AS last_at_us
          FROM nostro.batch_items AS m JOIN nostro.batches AS b ON b.batch_id = m.batch_id
         WHERE m.transaction_id = p.transaction_id AND NOT b.unwound
         ORDER BY b.seq DESC LIMIT 1) AS i ON true;

-- The life of each payment, for auditors: what happened to it alone, and what happened to the batches
-- that it was in. The order within is that of the journal, so that one moment's entries keep theirs.
CREATE VIEW nostro.settlement_ledger AS
SELECT entry_id, transaction_id, batch_id, event_type, amount, currency, "timestamp", actor, details
  FROM (
    SELECT p.seq AS entry_id, p.transaction_id, NULL::text AS batch_id,
           'TRANSACTION_SUBMITTED' AS event_type, p.amount, p.source_currency AS currency,
           'epoch'::timestamptz + p.accepted_at_us * interval '1 microsecond' AS "timestamp",
           p.actor, jsonb_build_object('payer', p.payer, 'payee', p.payee,
               'destination_currency', p.destination_currency, 'window', p.settlement_window,
               'value_date', p.value_date, 'priority', p.priority) AS details
      FROM nostro.payments AS p
    UNION ALL
    SELECT e.seq, e.transaction_id,
           CASE WHEN e.cycle_id <> '' THEN
               (SELECT max(m.batch_id) FROM nostro.batch_items AS m
                 WHERE m.transaction_id = e.transaction_id
                   AND starts_with(m.batch_id, e.cycle_id || '.'))
           END,
           e.event_type, p.amount, p.source_currency,
           'epoch'::timestamptz + e.at_us * interval '1 microsecond', e.actor, e.details
      FROM nostro.payment_events AS e
      JOIN nostro.payments AS p ON p.transaction_id = e.transaction_id
    UNION ALL
    SELECT b.seq, m.transaction_id, b.batch_id, b.event_type, p.amount, p.source_currency,
           'epoch'::timestamptz + b.at_us * interval '1 microsecond', b.actor, b.details
      FROM nostro.batch_items AS m
      JOIN nostro.payments AS p ON p.transaction_id = m.transaction_id
      JOIN nostro.batch_events AS b ON b.batch_id = m.batch_id) AS entries
 ORDER BY "timestamp", entry_id;
COMMENT ON VIEW nostro.settlement_ledger IS
    'The life of each payment. entry_id is the journal height * 2^20 + a place in its row, and never'
    ' used twice for one payment; amount is in minor units of currency.';

-- Settlements and rails ----------------------------------------------------------------------------

CREATE TABLE nostro.settlements (
    settlement_id       text COLLATE "C" PRIMARY KEY,
    seq                 bigint NOT NULL UNIQUE,
    state               text   NOT NULL,
    batch_ids           jsonb  NOT NULL,
    missing             bigint NOT NULL,
    instructions_count  bigint NOT NULL,
    participant_id      text   NOT NULL,
    code                text   NOT NULL,
    reason              text   NOT NULL,
    failed              jsonb  NOT NULL,
    breaks              bigint NOT NULL,
    planned_at_us       bigint NOT NULL,
    initiated_at_us     bigint,
    secured_at_us       bigint,
    ended_at_us         bigint,
    last_at_us          bigint NOT NULL,
    last_height         bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE nostro.instructions (
    instruction_id  text COLLATE "C" PRIMARY KEY,
    settlement_id   text COLLATE "C" NOT NULL,
    place           bigint        NOT NULL,
    participant_id  text COLLATE "C" NOT NULL,
    currency        text COLLATE "C" NOT NULL,
    direction       text          NOT NULL,
    amount          numeric(38,0) NOT NULL,
    purpose         text          NOT NULL,
    transaction_id  text COLLATE "C" NOT NULL,
    state           text          NOT NULL,
    code            text          NOT NULL,
    rail            text          NOT NULL,
    rail_reference  text          NOT NULL,
    charges         numeric(38,0) NOT NULL,
    confirmed_by    text          NOT NULL,
    planned_at_us   bigint        NOT NULL,
    last_at_us      bigint        NOT NULL,
    last_height     bigint        NOT NULL
) WITH (fillfactor = 50);
COMMENT ON COLUMN nostro.instructions.place IS
    'The sequence of the event that planned it, plus its place there: the order to show.';
CREATE INDEX instructions_settlement ON nostro.instructions (settlement_id, place);
CREATE INDEX instructions_transaction ON nostro.instructions (transaction_id)
    WHERE transaction_id <> '';
CREATE INDEX instructions_participant ON nostro.instructions (participant_id, currency);
CREATE INDEX instructions_open ON nostro.instructions (currency)
    WHERE state NOT IN ('settled', 'failed');

CREATE TABLE nostro.rail_attempts (
    instruction_id      text COLLATE "C" NOT NULL,
    attempt             integer NOT NULL,
    settlement_id       text    NOT NULL,
    rail                text    NOT NULL,
    region              text    NOT NULL,
    outcome             text    NOT NULL,
    code                text    NOT NULL,
    asks                bigint  NOT NULL,
    started_at_us       bigint  NOT NULL,
    ended_at_us         bigint,
    next_attempt_at_us  bigint,
    PRIMARY KEY (instruction_id, attempt)
) WITH (fillfactor = 50);

CREATE TABLE nostro.circuits (
    rail         text COLLATE "C" NOT NULL,
    region       text COLLATE "C" NOT NULL,
    is_open      boolean NOT NULL,
    until_us     bigint,
    reason       text    NOT NULL,
    last_at_us   bigint  NOT NULL,
    last_height  bigint  NOT NULL,
    PRIMARY KEY (rail, region)
);

-- The members --------------------------------------------------------------------------------------

CREATE TABLE nostro.committee (
    epoch              bigint PRIMARY KEY,
    chain_id           text   NOT NULL,
    members            jsonb  NOT NULL,
    ruleset_version    bigint NOT NULL,
    activation_height  bigint NOT NULL,
    formed_at_us       bigint NOT NULL,
    height             bigint NOT NULL
);

CREATE TABLE nostro.evidence (
    seq               bigint PRIMARY KEY,
    at_us             bigint NOT NULL,
    member_id         text   NOT NULL,
    epoch             bigint NOT NULL,
    consensus_height  bigint NOT NULL,
    round             bigint NOT NULL,
    step              text   NOT NULL,
    first             text   NOT NULL,
    second            text   NOT NULL
);

-- Risk ---------------------------------------------------------------------------------------------

CREATE TABLE nostro.limits (
    scope         text COLLATE "C" NOT NULL,
    participant   text COLLATE "C" NOT NULL,
    counterparty  text COLLATE "C" NOT NULL,
    currency      text COLLATE "C" NOT NULL,
    amount        numeric(38,0),
    actor         text   NOT NULL,
    set_at_us     bigint NOT NULL,
    last_height   bigint NOT NULL,
    PRIMARY KEY (scope, participant, counterparty, currency)
);
COMMENT ON COLUMN nostro.limits.amount IS 'NULL: the limit was taken away.';

CREATE TABLE nostro.thresholds (
    scope        text COLLATE "C" PRIMARY KEY,
    used_ppm     bigint,
    actor        text   NOT NULL,
    set_at_us    bigint NOT NULL,
    last_height  bigint NOT NULL
);

CREATE TABLE nostro.exposures (
    payer          text COLLATE "C" NOT NULL,
    payee          text COLLATE "C" NOT NULL,
    currency       text COLLATE "C" NOT NULL,
    open_amount    numeric(38,0) NOT NULL,
    open_count     bigint        NOT NULL,
    offset_amount  numeric(38,0) NOT NULL,
    last_height    bigint        NOT NULL,
    PRIMARY KEY (payer, payee, currency)
) WITH (fillfactor = 50);

-- One row when a limit's use crosses its threshold, one when it has fallen below again.
CREATE TABLE nostro.alerts (
    seq           bigint PRIMARY KEY,
    at_us         bigint        NOT NULL,
    raised        boolean       NOT NULL,
    scope         text COLLATE "C" NOT NULL,
    participant   text COLLATE "C" NOT NULL,
    counterparty  text COLLATE "C" NOT NULL,
    currency      text COLLATE "C" NOT NULL,
    used          numeric(38,0) NOT NULL,
    limit_amount  numeric(38,0) NOT NULL,
    used_ppm      bigint        NOT NULL
);
CREATE INDEX alerts_limit ON nostro.alerts (scope, participant, counterparty, currency, seq);

CREATE TABLE nostro.payment_flows_daily (
    currency    text COLLATE "C" NOT NULL,
    day         text COLLATE "C" NOT NULL,
    in_amount   numeric(38,0) NOT NULL,
    in_count    bigint        NOT NULL,
    out_amount  numeric(38,0) NOT NULL,
    out_count   bigint        NOT NULL,
    PRIMARY KEY (currency, day)
) WITH (fillfactor = 50);

-- Rights -------------------------------------------------------------------------------------------

GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON
    nostro.participants, nostro.participant_currencies, nostro.payments, nostro.payment_events,
    nostro.cycles, nostro.batches, nostro.batch_items, nostro.batch_events, nostro.settlements,
    nostro.instructions, nostro.rail_attempts, nostro.circuits, nostro.committee, nostro.evidence,
    nostro.limits, nostro.thresholds, nostro.exposures, nostro.alerts, nostro.payment_flows_daily
    TO nostro_follower;
GRANT SELECT ON ALL TABLES IN SCHEMA nostro TO nostro_reader;
