-- What do readers ask about settlements, delivery against payment? Derived from the journal by the follower, like all
-- views. Run as nostro_owner.
--
-- Quantities are minor units of the security, amounts of the cash asset. Times are microseconds since the epoch (UTC),
-- days ISO dates. The sequence seq of what the journal row of height h tells in place n (from 0) is h * 2^20 + n.

-- A settlement of a cycle of payments is another thing: it moves net positions on rails.

ALTER TABLE nostro.settlements RENAME TO cycle_settlements;
ALTER INDEX nostro.settlements_pkey RENAME TO cycle_settlements_pkey;
ALTER INDEX nostro.settlements_seq_key RENAME TO cycle_settlements_seq_key;
COMMENT ON TABLE nostro.cycle_settlements IS
    'Each settlement of a cycle of payments: its instructions move net positions on rails.';

UPDATE nostro.webhook_endpoint SET events = (
    SELECT array_agg(CASE WHEN event IN ('settlement.confirmed', 'settlement.failed', 'settlement.reversed')
                          THEN 'cycle_' || event ELSE event END ORDER BY place)
      FROM unnest(events) WITH ORDINALITY AS told (event, place))
 WHERE events && ARRAY['settlement.confirmed', 'settlement.failed', 'settlement.reversed'];
UPDATE nostro.webhook_delivery SET event_type = 'cycle_' || event_type
 WHERE event_type IN ('settlement.confirmed', 'settlement.failed', 'settlement.reversed');

-- What was traded before could settle at once only.

ALTER TABLE nostro.trades ADD COLUMN settling text NOT NULL DEFAULT 'instant';
COMMENT ON COLUMN nostro.trades.settling IS
    'When it changes hands: if not at once, the settlement with the trade id match:<trade> tells.';

-- Settlements --------------------------------------------------------------------------------------

CREATE TABLE nostro.settlements (
    settlement                 bigint PRIMARY KEY,
    settlement_id              text COLLATE "C" GENERATED ALWAYS AS ('S' || settlement::text) STORED,
    bundle                     bigint  NOT NULL,
    trade_id                   text COLLATE "C" NOT NULL,
    seller_account_id          text COLLATE "C" NOT NULL,
    buyer_account_id           text COLLATE "C" NOT NULL,
    security                   text COLLATE "C" NOT NULL,
    cash                       text COLLATE "C" NOT NULL,
    symbol                     text COLLATE "C" GENERATED ALWAYS AS (security || '/' || cash) STORED,
    quantity                   numeric(38,0) NOT NULL,
    amount                     numeric(38,0) NOT NULL,
    settled_quantity           numeric(38,0) NOT NULL,
    settled_amount             numeric(38,0) NOT NULL,
    securities_domain          text    NOT NULL,
    cash_domain                text    NOT NULL,
    status                     text COLLATE "C" NOT NULL,
    matched                    boolean NOT NULL,
    on_hold                    jsonb   NOT NULL,
    cancel_asked               jsonb   NOT NULL,
    seller_reference           text COLLATE "C" NOT NULL,
    buyer_reference            text COLLATE "C" NOT NULL,
    seller_partial             text    NOT NULL,
    buyer_partial              text    NOT NULL,
    seller_partial_min         numeric(38,0) NOT NULL,
    buyer_partial_min          numeric(38,0) NOT NULL,
    trade_date                 text COLLATE "C" NOT NULL,
    settlement_date            text COLLATE "C" NOT NULL,
    starts_at_us               bigint  NOT NULL,
    round_id                   text    NOT NULL,
    round_quantity             numeric(38,0) NOT NULL,
    round_amount               numeric(38,0) NOT NULL,
    settle_before_us           bigint  NOT NULL,
    retry_count                bigint  NOT NULL,
    recycled                   bigint  NOT NULL,
    waiting_reason             text    NOT NULL,
    waiting_code               text    NOT NULL,
    failure_reason             text    NOT NULL,
    failure_code               text    NOT NULL,
    dvp_atomic_transaction_id  text    NOT NULL,
    dvp_contract_id            text    NOT NULL,
    seller_securities_ref      text    NOT NULL,
    buyer_securities_ref       text    NOT NULL,
    seller_cash_ref            text    NOT NULL,
    buyer_cash_ref             text    NOT NULL,
    prefunded                  boolean NOT NULL,
    origin                     text    NOT NULL,
    instructed_at_us           bigint  NOT NULL,
    initiated_at_us            bigint,
    confirmed_at_us            bigint,
    settled_at_us              bigint,
    failed_at_us               bigint,
    last_at_us                 bigint  NOT NULL,
    last_height                bigint  NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE nostro.settlements IS
    'Each delivery against payment, as it stands. What is left to settle is quantity - settled_quantity for'
    ' amount - settled_amount.';
COMMENT ON COLUMN nostro.settlements.bundle IS
    'The first settlement of those that settle together, all or none: itself when it is alone.';
COMMENT ON COLUMN nostro.settlements.on_hold IS 'Sides that keep it back: ["seller", "buyer"].';
COMMENT ON COLUMN nostro.settlements.round_id IS
    'Of its present, or last, round: the name by which the domains know it. initiated_at_us is when that began,'
    ' round_quantity for round_amount what it settles.';
COMMENT ON COLUMN nostro.settlements.waiting_reason IS
    'Why it does not go on, or why its last round did not; empty while nothing is in the way.';
COMMENT ON COLUMN nostro.settlements.dvp_atomic_transaction_id IS
    'Of a round that one contract of a domain settled what that domain calls it, else round_id.';
COMMENT ON COLUMN nostro.settlements.seller_securities_ref IS
    'What the securities domain calls the earmark, and once it has executed, the execution; buyer_cash_ref likewise.'
    ' The other two are known once their leg has been executed.';
CREATE INDEX settlements_seller ON nostro.settlements (seller_account_id, settlement_date, settlement);
CREATE INDEX settlements_buyer ON nostro.settlements (buyer_account_id, settlement_date, settlement);
CREATE INDEX settlements_seller_status
    ON nostro.settlements (seller_account_id, status, settlement_date, settlement);
CREATE INDEX settlements_buyer_status
    ON nostro.settlements (buyer_account_id, status, settlement_date, settlement);
CREATE INDEX settlements_status ON nostro.settlements (status, settlement_date, settlement);
CREATE INDEX settlements_date ON nostro.settlements (settlement_date, settlement);
CREATE INDEX settlements_trade ON nostro.settlements (trade_id, settlement_date, settlement);
CREATE INDEX settlements_seller_reference ON nostro.settlements (seller_account_id, seller_reference)
    WHERE seller_reference <> trade_id;
CREATE INDEX settlements_buyer_reference ON nostro.settlements (buyer_account_id, buyer_reference)
    WHERE buyer_reference <> trade_id;

CREATE TABLE nostro.settlement_events (
    seq            bigint PRIMARY KEY,
    at_us          bigint NOT NULL,
    settlement     bigint NOT NULL,
    settlement_id  text COLLATE "C" GENERATED ALWAYS AS ('S' || settlement::text) STORED,
    event_type     text   NOT NULL,
    status         text   NOT NULL,
    trade_id       text   NOT NULL,
    height         bigint NOT NULL,
    facts          jsonb  NOT NULL
);
COMMENT ON TABLE nostro.settlement_events IS
    'What happened to each settlement, in the order of the journal: what webhooks and topics tell is read from here.'
    ' status: where the settlement stood after it.';
COMMENT ON COLUMN nostro.settlement_events.seq IS 'height * 2^20 + n; the event_id is <chain>.<height>.<n>.';
CREATE INDEX settlement_events_settlement ON nostro.settlement_events (settlement, seq);

CREATE TABLE nostro.settlement_penalties (
    seq                 bigint PRIMARY KEY,
    day                 text COLLATE "C" NOT NULL,
    settlement          bigint NOT NULL,
    penalty             text   NOT NULL,
    failing             text   NOT NULL,
    failing_account_id  text COLLATE "C" NOT NULL,
    other_account_id    text COLLATE "C" NOT NULL,
    asset               text   NOT NULL,
    amount              numeric(38,0) NOT NULL,
    rate_ppm            bigint NOT NULL,
    at_us               bigint NOT NULL,
    height              bigint NOT NULL
);
COMMENT ON TABLE nostro.settlement_penalties IS
    'What each day of failing costs the failing party, for the other. Reported, not collected.';
CREATE INDEX settlement_penalties_settlement ON nostro.settlement_penalties (settlement, day, seq);
CREATE INDEX settlement_penalties_failing ON nostro.settlement_penalties (failing_account_id, day, seq);
CREATE INDEX settlement_penalties_other ON nostro.settlement_penalties (other_account_id, day, seq);
CREATE INDEX settlement_penalties_day ON nostro.settlement_penalties (day, seq);

-- What operators set -------------------------------------------------------------------------------

CREATE TABLE nostro.settlement_instruments (
    code           text COLLATE "C" PRIMARY KEY,
    domain         text   NOT NULL,
    lot            numeric(38,0) NOT NULL,
    calendar       text   NOT NULL,
    penalty_class  text   NOT NULL,
    actor          text   NOT NULL,
    set_at_us      bigint NOT NULL,
    last_height    bigint NOT NULL
);
COMMENT ON TABLE nostro.settlement_instruments IS
    'How assets settle where that was said; one that is not here settles on the coordinator''s own ledger, every day.';

CREATE TABLE nostro.settlement_domains (
    name           text COLLATE "C" PRIMARY KEY,
    state          text   NOT NULL,
    reason         text   NOT NULL,
    actor          text   NOT NULL,
    domain_height  bigint NOT NULL,
    set_at_us      bigint NOT NULL,
    last_height    bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE nostro.settlement_domains IS
    'The ledgers that take part, once they have been heard of. domain_height: up to where each has said to be durable,'
    ' since it was last opened.';

CREATE TABLE nostro.settlement_penalty_rates (
    penalty_class  text COLLATE "C" NOT NULL,
    valid_from     text COLLATE "C" NOT NULL,
    rate_ppm       bigint NOT NULL,
    actor          text   NOT NULL,
    set_at_us      bigint NOT NULL,
    last_height    bigint NOT NULL,
    PRIMARY KEY (penalty_class, valid_from)
);
COMMENT ON TABLE nostro.settlement_penalty_rates IS
    'Rates that were said; for classes and days of which nothing was, the built-in table counts.';

-- Topics -------------------------------------------------------------------------------------------

-- How far a topic is read, or written to. Operational data, not the chain, changed in place.
CREATE TABLE nostro.topic_cursor (
    chain     text COLLATE "C" NOT NULL,
    consumer  text COLLATE "C" NOT NULL,
    cursor    text NOT NULL,
    PRIMARY KEY (chain, consumer)
);

-- Rights -------------------------------------------------------------------------------------------

GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON
    nostro.settlements, nostro.settlement_events, nostro.settlement_penalties,
    nostro.settlement_instruments, nostro.settlement_domains, nostro.settlement_penalty_rates
    TO nostro_follower;
GRANT SELECT ON
    nostro.settlements, nostro.settlement_events, nostro.settlement_penalties,
    nostro.settlement_instruments, nostro.settlement_domains, nostro.settlement_penalty_rates
    TO nostro_reader;
GRANT SELECT, INSERT, UPDATE ON nostro.topic_cursor TO nostro_engine;
