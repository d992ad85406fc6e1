-- What do readers ask about markets, orders and trades? Derived from the journal by the follower, like
-- all views. Run as nostro_owner.
--
-- Prices are ticks and quantities lots, which the terms of the market explain; values and fees are
-- minor units of its quote asset. Times are microseconds since the epoch (UTC).
--
-- An order's row is written once for each batch that touches it, so one that comes and goes within a
-- batch is a row of COPY and no more. What changes while an order lives is in no index: such changes
-- stay on their page (HOT). Only its end, `closed_height`, moves it between indexes.

-- Markets ------------------------------------------------------------------------------------------

CREATE TABLE nostro.markets (
    market         text COLLATE "C" PRIMARY KEY,
    base           text   NOT NULL,
    quote          text   NOT NULL,
    terms          jsonb  NOT NULL,
    rules          jsonb  NOT NULL,
    state          text   NOT NULL,
    reason         text   NOT NULL,
    reference      bigint NOT NULL,
    created_at_us  bigint NOT NULL,
    last_at_us     bigint NOT NULL,
    last_height    bigint NOT NULL
);
COMMENT ON COLUMN nostro.markets.terms IS
    '[base, quote, lot_minor, tick_units, price_scale, base_scale, quote_scale, value_num, value_den]:'
    ' a lot is lot_minor minor units of the base, a tick tick_units * 10^-price_scale of the quote for'
    ' one whole base; one lot at one tick is worth value_num / value_den minor units of the quote.';

CREATE TABLE nostro.fee_schedules (
    name         text COLLATE "C" PRIMARY KEY,
    maker_ppm    integer NOT NULL,
    taker_ppm    integer NOT NULL,
    actor        text    NOT NULL,
    set_at_us    bigint  NOT NULL,
    last_height  bigint  NOT NULL
);

-- Whose fees are not those of each market. An empty schedule: they are again.
CREATE TABLE nostro.fee_assignments (
    user_id      text COLLATE "C" PRIMARY KEY,
    schedule     text COLLATE "C" NOT NULL,
    actor        text   NOT NULL,
    set_at_us    bigint NOT NULL,
    last_height  bigint NOT NULL
);
CREATE INDEX fee_assignments_schedule ON nostro.fee_assignments (schedule);

-- The row of the empty user_id stops everybody.
CREATE TABLE nostro.kill_switches (
    user_id      text COLLATE "C" PRIMARY KEY,
    engaged      boolean NOT NULL,
    reason       text    NOT NULL,
    actor        text    NOT NULL,
    set_at_us    bigint  NOT NULL,
    last_height  bigint  NOT NULL
);

-- Orders -------------------------------------------------------------------------------------------

CREATE TABLE nostro.orders (
    number           bigint  PRIMARY KEY,
    placed_at_us     bigint  NOT NULL,
    placed_height    bigint  NOT NULL,
    last_at_us       bigint  NOT NULL,
    last_height      bigint  NOT NULL,
    closed_height    bigint,
    price            bigint  NOT NULL,
    lots             bigint  NOT NULL,
    lots_left        bigint  NOT NULL,
    filled_lots      bigint  NOT NULL,
    stop             bigint  NOT NULL,
    display          bigint  NOT NULL,
    expires_at_us    bigint  NOT NULL,
    trades_count     integer NOT NULL,
    maker_ppm        integer NOT NULL,
    taker_ppm        integer NOT NULL,
    filled_value     numeric(38,0) NOT NULL,
    notional         numeric(38,0) NOT NULL,
    fees             numeric(38,0) NOT NULL,
    reserved         numeric(38,0) NOT NULL,
    budget           numeric(38,0) NOT NULL,
    user_id          text COLLATE "C" NOT NULL,
    market           text COLLATE "C" NOT NULL,
    side             text NOT NULL,
    type             text NOT NULL,
    time_in_force    text NOT NULL,
    post_only        text NOT NULL,
    self_trade       text NOT NULL,
    reserved_asset   text NOT NULL,
    client_order_id  text COLLATE "C" NOT NULL,
    state            text NOT NULL,
    reason           text NOT NULL
) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON COLUMN nostro.orders.closed_height IS
    'NULL while the order lives; nothing happens to it afterwards, so it closed at last_at_us.';
COMMENT ON COLUMN nostro.orders.notional IS 'Sum of price * lots over its fills.';
COMMENT ON COLUMN nostro.orders.reserved IS
    'What is held for it, in minor units of reserved_asset: the live orders of a user come to the'
    ' balance of his ledger account orders:user:asset.';
CREATE INDEX orders_user ON nostro.orders (user_id, number);
CREATE INDEX orders_market ON nostro.orders (market, number);
CREATE INDEX orders_user_live ON nostro.orders (user_id, number) WHERE closed_height IS NULL;
CREATE INDEX orders_market_live ON nostro.orders (market, number) WHERE closed_height IS NULL;
CREATE INDEX orders_user_closed ON nostro.orders (user_id, closed_height)
    WHERE closed_height IS NOT NULL;
CREATE INDEX orders_client ON nostro.orders (user_id, client_order_id, number)
    WHERE client_order_id <> '';

-- Trades -------------------------------------------------------------------------------------------

-- One row for each trade, with both its sides; one with a provider has no maker.
CREATE TABLE nostro.trades (
    trade          bigint PRIMARY KEY,
    at_us          bigint NOT NULL,
    height         bigint NOT NULL,
    sequence       bigint NOT NULL,
    price          bigint NOT NULL,
    lots           bigint NOT NULL,
    taker_order    bigint NOT NULL,
    maker_order    bigint,
    route          bigint,
    value          numeric(38,0) NOT NULL,
    taker_fee      numeric(38,0) NOT NULL,
    maker_fee      numeric(38,0) NOT NULL,
    market         text COLLATE "C" NOT NULL,
    side           text NOT NULL,
    taker_user_id  text COLLATE "C" NOT NULL,
    maker_user_id  text COLLATE "C",
    provider       text NOT NULL
);
COMMENT ON COLUMN nostro.trades.side IS 'The taker''s.';
COMMENT ON COLUMN nostro.trades.sequence IS 'Of the event, in its market: feeds count by it.';
CREATE INDEX trades_market ON nostro.trades (market, trade);
CREATE INDEX trades_taker ON nostro.trades (taker_user_id, trade);
CREATE INDEX trades_maker ON nostro.trades (maker_user_id, trade) WHERE maker_user_id IS NOT NULL;
CREATE INDEX trades_taker_order ON nostro.trades (taker_order, trade);
CREATE INDEX trades_maker_order ON nostro.trades (maker_order, trade) WHERE maker_order IS NOT NULL;

-- One row for each minute of a market in which it traded, and one for each hour: so a long look back
-- reads hours.
CREATE TABLE nostro.candles (
    market        text COLLATE "C" NOT NULL,
    span_s        integer NOT NULL CHECK (span_s IN (60, 3600)),
    start_us      bigint  NOT NULL,
    trades_count  bigint  NOT NULL,
    open          bigint  NOT NULL,
    high          bigint  NOT NULL,
    low           bigint  NOT NULL,
    close         bigint  NOT NULL,
    last_trade    bigint  NOT NULL,
    volume_lots   numeric NOT NULL,
    value         numeric NOT NULL,
    PRIMARY KEY (market, span_s, start_us)
) WITH (fillfactor = 70);

CREATE TABLE nostro.trading_days (
    market        text COLLATE "C" NOT NULL,
    day           text COLLATE "C" NOT NULL,
    trades_count  bigint  NOT NULL,
    volume_lots   numeric NOT NULL,
    value         numeric NOT NULL,
    maker_fees    numeric NOT NULL,
    taker_fees    numeric NOT NULL,
    PRIMARY KEY (market, day)
) WITH (fillfactor = 50);
COMMENT ON TABLE nostro.trading_days IS
    'What each market traded on each day (UTC), and the fees of both sides: all of them together are'
    ' the balance of the ledger account earnings:asset.';

-- Providers, and money that stands aside -------------------------------------------------------------

CREATE TABLE nostro.routes (
    route           bigint  PRIMARY KEY,
    order_number    bigint  NOT NULL,
    user_id         text COLLATE "C" NOT NULL,
    market          text COLLATE "C" NOT NULL,
    provider        text COLLATE "C" NOT NULL,
    side            text    NOT NULL,
    lots            bigint  NOT NULL,
    limit_price     bigint  NOT NULL,
    all_or_none     boolean NOT NULL,
    state           text    NOT NULL,
    filled_lots     bigint  NOT NULL,
    value           numeric(38,0) NOT NULL,
    fees            numeric(38,0) NOT NULL,
    claimed         jsonb,
    reason          text    NOT NULL,
    reference       text    NOT NULL,
    routed_at_us    bigint  NOT NULL,
    ended_at_us     bigint,
    last_height     bigint  NOT NULL
) WITH (fillfactor = 50);
COMMENT ON COLUMN nostro.routes.claimed IS
    'Of a broken route: the [lots, price] that the provider says it filled.';
CREATE INDEX routes_order ON nostro.routes (order_number, route);

CREATE TABLE nostro.suspended_funds (
    suspension       bigint PRIMARY KEY,
    user_id          text COLLATE "C" NOT NULL,
    asset            text COLLATE "C" NOT NULL,
    amount           numeric(38,0) NOT NULL,
    transfer_id      text   NOT NULL,
    reason           text   NOT NULL,
    state            text   NOT NULL,
    releases_count   bigint NOT NULL,
    actor            text   NOT NULL,
    suspended_at_us  bigint NOT NULL,
    last_at_us       bigint NOT NULL,
    last_height      bigint NOT NULL
);
CREATE INDEX suspended_funds_user ON nostro.suspended_funds (user_id, suspension);
CREATE INDEX suspended_funds_open ON nostro.suspended_funds (suspension)
    WHERE state = 'suspended';

-- Where in the numbers is a height? ------------------------------------------------------------------

-- Orders and trades are numbered in the order of the journal, so both are found by halving.
CREATE FUNCTION nostro.order_above(wanted_height bigint) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lowest  bigint := 1;
    highest bigint;
    found   bigint;
    there   bigint;
BEGIN
    SELECT coalesce(max(number), 0) + 1 INTO highest FROM nostro.orders;
    WHILE lowest < highest LOOP
        SELECT number, placed_height INTO found, there FROM nostro.orders
         WHERE number >= (lowest + highest) / 2 ORDER BY number LIMIT 1;
        IF there > wanted_height THEN
            highest := (lowest + highest) / 2;
        ELSE
            lowest := found + 1;
        END IF;
    END LOOP;
    RETURN lowest;
END
$$;
COMMENT ON FUNCTION nostro.order_above IS
    'The lowest number of an order placed above a journal height.';

CREATE FUNCTION nostro.trade_above(wanted_height bigint) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lowest  bigint := 1;
    highest bigint;
    found   bigint;
    there   bigint;
BEGIN
    SELECT coalesce(max(trade), 0) + 1 INTO highest FROM nostro.trades;
    WHILE lowest < highest LOOP
        SELECT trade, height INTO found, there FROM nostro.trades
         WHERE trade >= (lowest + highest) / 2 ORDER BY trade LIMIT 1;
        IF there > wanted_height THEN
            highest := (lowest + highest) / 2;
        ELSE
            lowest := found + 1;
        END IF;
    END LOOP;
    RETURN lowest;
END
$$;
COMMENT ON FUNCTION nostro.trade_above IS
    'The lowest number of a trade above a journal height.';

-- Rights -------------------------------------------------------------------------------------------

GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON
    nostro.markets, nostro.fee_schedules, nostro.fee_assignments, nostro.kill_switches,
    nostro.orders, nostro.trades, nostro.candles, nostro.trading_days, nostro.routes,
    nostro.suspended_funds
    TO nostro_follower;
GRANT SELECT ON
    nostro.markets, nostro.fee_schedules, nostro.fee_assignments, nostro.kill_switches,
    nostro.orders, nostro.trades, nostro.candles, nostro.trading_days, nostro.routes,
    nostro.suspended_funds
    TO nostro_reader;
REVOKE EXECUTE ON FUNCTION nostro.order_above, nostro.trade_above FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nostro.order_above, nostro.trade_above TO nostro_follower, nostro_reader;
