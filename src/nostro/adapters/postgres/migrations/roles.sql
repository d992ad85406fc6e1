-- Roles belong to the server, not to a database, so they are made before the numbered files and only when missing.
-- Several databases of one server may be migrated at once; whoever comes second finds the role there.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['nostro_owner', 'nostro_engine', 'nostro_follower', 'nostro_reader',
                                     'nostro_members'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = role_name);
        BEGIN
            -- A role without a password logs in only where pg_hba.conf trusts it: on the embedded server's socket.
            EXECUTE format('CREATE ROLE %I %s', role_name,
                           CASE role_name WHEN 'nostro_owner' THEN 'NOLOGIN' ELSE 'LOGIN' END);
            IF role_name = 'nostro_reader' THEN
                EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = on', role_name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
    -- An auditor asks for settlement_ledger and the like by their plain names.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'nostro_reader'
                      AND array_to_string(rolconfig, ' ') LIKE '%search_path%') THEN
        BEGIN
            ALTER ROLE nostro_reader SET search_path = nostro, public;
        EXCEPTION WHEN insufficient_privilege OR internal_error THEN
            NULL;  -- not ours to change, or another database's migration does it right now
        END;
    END IF;
    -- From version 16 on, whoever makes a role is its member but may not yet become it.
    IF NOT pg_has_role(current_user, 'nostro_owner',
                       CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
        EXECUTE format('GRANT nostro_owner TO %I', current_user);
    END IF;
END
$$;
