-- The log that the settlement members write their messages into: keys are written once, positions rise by one and are
-- readable in that order. Nobody is trusted for what stands here; readers verify signatures and hashes.

CREATE TABLE nostro.ordered_log (
    chain    text   COLLATE "C" NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    key      text   COLLATE "C" NOT NULL CHECK (key <> '' AND octet_length(key) <= 512),
    value    bytea  NOT NULL CHECK (octet_length(value) <= 1048576),
    PRIMARY KEY (chain, position),
    UNIQUE (chain, key)
);
-- Signatures and hashes do not compress, and bodies come compressed or are read at once.
ALTER TABLE nostro.ordered_log ALTER value SET STORAGE EXTERNAL;

CREATE FUNCTION nostro.refuse_ordered_log_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ordered log is append-only: % refused', TG_OP
        USING ERRCODE = 'restrict_violation',
              HINT = 'A message is answered by another message.';
END
$$;

CREATE TRIGGER ordered_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON nostro.ordered_log
    FOR EACH STATEMENT EXECUTE FUNCTION nostro.refuse_ordered_log_change();
ALTER TABLE nostro.ordered_log ENABLE ALWAYS TRIGGER ordered_log_is_append_only;

-- The only way in. The lock is held until the rows are visible, so a reader who has seen a position has missed none
-- below it; a sequence would not promise that. Each statement of a volatile function sees what was committed before it,
-- which holds in READ COMMITTED only.
CREATE FUNCTION nostro.append_to_ordered_log(of_chain text, of_keys text[], of_values bytea[])
    RETURNS bigint LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last  bigint;
    added bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append_to_ordered_log needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- Members vote on what the engine asks for; asking is not theirs.
    IF session_user = 'nostro_members'
       AND EXISTS (SELECT FROM unnest(of_keys) AS given (key) WHERE starts_with(given.key, 'request/')) THEN
        RAISE EXCEPTION 'members request no batches' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('nostro.ordered_log.' || of_chain, 0));
    SELECT coalesce(max(log.position), 0) INTO last FROM nostro.ordered_log AS log WHERE log.chain = of_chain;
    INSERT INTO nostro.ordered_log (chain, position, key, value)
    SELECT of_chain, last + row_number() OVER (ORDER BY given.place), given.key, given.value
      FROM unnest(of_keys, of_values) WITH ORDINALITY AS given (key, value, place)
     WHERE NOT EXISTS (SELECT FROM nostro.ordered_log AS log WHERE log.chain = of_chain AND log.key = given.key);
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added > 0 THEN
        PERFORM pg_notify('nostro_ordered_log', of_chain || ' ' || (last + added));
    END IF;
    RETURN last + added;
END
$$;

-- Members and the engine's performer write; everybody reads. Nobody inserts around the function.
REVOKE ALL ON FUNCTION nostro.append_to_ordered_log(text, text[], bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nostro.append_to_ordered_log(text, text[], bytea[]) TO nostro_engine, nostro_members;
GRANT USAGE ON SCHEMA nostro TO nostro_members;
GRANT SELECT ON nostro.ordered_log TO nostro_engine, nostro_follower, nostro_reader, nostro_members;
GRANT SELECT ON nostro.migration TO nostro_members;
