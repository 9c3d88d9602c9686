-- What Drizzle cannot say: partitions, append-only tables, storage, and what the services' role may do.

-- ---------------------------------------------------------------------------------------------------------------------
-- Partitions. The names carry the day or month (UTC): outbox_events_p20260131, referral_clicks_p202601.

CREATE TABLE outbox_events_default PARTITION OF outbox_events DEFAULT;
CREATE TABLE referral_clicks_default PARTITION OF referral_clicks DEFAULT;

-- Makes one partition, moving into it what the default partition holds of its range.
-- LIKE and ATTACH rather than CREATE ... PARTITION OF: that would lock the parent against every reader.
CREATE FUNCTION add_partition(parent text, key text, suffix text, lower_bound timestamptz, upper_bound timestamptz)
RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  partition text := format('%s_p%s', parent, suffix);
BEGIN
  IF to_regclass('public.' || partition) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', parent || '_default');
  EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', partition, parent);
  EXECUTE format('WITH moved AS (DELETE FROM public.%I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO public.%I SELECT * FROM moved',
    parent || '_default', key, lower_bound, key, upper_bound, partition);
  EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
    parent, partition, lower_bound, upper_bound);
  RETURN true;
END $$;
--> statement-breakpoint

-- Makes the partitions that hold rows from `at` to `at` + `days`; returns how many were new. Does nothing while another
-- session is at it. A short lock time-out, because whoever waits for a lock makes all who come after wait too: partitions are
-- made days ahead, so the next run may as well do it.
CREATE FUNCTION ensure_partitions(at timestamptz, days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  made integer := 0;
  lower_bound timestamptz;
BEGIN
  IF days NOT BETWEEN 0 AND 1000 THEN
    RAISE EXCEPTION 'Partitions can be made for 0 to 1000 days, not for %.', days USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF NOT pg_try_advisory_xact_lock(hashtextextended('tributary partitions', 0)) THEN
    RETURN 0;
  END IF;
  lower_bound := date_trunc('day', at, 'UTC');
  WHILE lower_bound <= at + make_interval(days => days) LOOP
    made := made + add_partition('outbox_events', 'created_at', to_char(lower_bound AT TIME ZONE 'UTC', 'YYYYMMDD'),
      lower_bound, lower_bound + interval '24 hours')::integer;
    lower_bound := lower_bound + interval '24 hours';
  END LOOP;
  lower_bound := date_trunc('month', at, 'UTC');
  WHILE lower_bound <= at + make_interval(days => days) LOOP
    made := made + add_partition('referral_clicks', 'clicked_at', to_char(lower_bound AT TIME ZONE 'UTC', 'YYYYMM'),
      lower_bound, (lower_bound AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC')::integer;
    lower_bound := (lower_bound AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
  END LOOP;
  RETURN made;
END $$;
--> statement-breakpoint

-- Drops the outbox partitions that end by `before` (at least 72 hours ago) and hold no unsent row; returns how many.
CREATE FUNCTION drop_expired_outbox(before timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  partition text;
  unsent boolean;
  dropped integer := 0;
BEGIN
  IF before > now() - interval '72 hours' THEN
    RAISE EXCEPTION 'Outbox events are kept for 72 hours.' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOR partition IN
    SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
    WHERE inhparent = 'public.outbox_events'::regclass AND child.relname ~ '^outbox_events_p\d{8}$'
      AND to_date(right(child.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' + interval '24 hours' <= before
    ORDER BY child.relname
  LOOP
    EXECUTE format('LOCK TABLE public.%I IN SHARE MODE', partition);
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE sent_at IS NULL)', partition) INTO unsent;
    IF NOT unsent THEN
      EXECUTE format('DROP TABLE public.%I', partition);
      dropped := dropped + 1;
    END IF;
  END LOOP;
  DELETE FROM outbox_events_default WHERE created_at < before AND sent_at IS NOT NULL;
  RETURN dropped;
END $$;
--> statement-breakpoint

-- ---------------------------------------------------------------------------------------------------------------------
-- Append-only tables. ENABLE ALWAYS holds for replication roles too.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused.', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint

-- The one change allowed to an audit row is what its foreign key does once the user is gone.
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  without_user audit_logs := OLD;
BEGIN
  without_user.user_id := NULL;
  IF OLD.user_id IS NOT NULL AND NEW IS NOT DISTINCT FROM without_user
    AND NOT EXISTS (SELECT FROM users WHERE id = OLD.user_id) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'audit_logs is append-only: UPDATE refused.' USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint

CREATE TRIGGER audit_logs_no_update BEFORE UPDATE ON audit_logs FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_logs_no_delete BEFORE DELETE ON audit_logs FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON audit_logs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER commission_entries_no_change BEFORE UPDATE OR DELETE ON commission_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER commission_entries_no_truncate BEFORE TRUNCATE ON commission_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE audit_logs ENABLE ALWAYS TRIGGER audit_logs_no_update;
ALTER TABLE audit_logs ENABLE ALWAYS TRIGGER audit_logs_no_delete;
ALTER TABLE audit_logs ENABLE ALWAYS TRIGGER audit_logs_no_truncate;
ALTER TABLE commission_entries ENABLE ALWAYS TRIGGER commission_entries_no_change;
ALTER TABLE commission_entries ENABLE ALWAYS TRIGGER commission_entries_no_truncate;
--> statement-breakpoint

-- ---------------------------------------------------------------------------------------------------------------------
-- Storage: rows that are updated soon after they are written keep room for their next version on the same page.

ALTER TABLE commissions SET (fillfactor = 85);
ALTER TABLE conversion_events SET (fillfactor = 90);
ALTER TABLE orders SET (fillfactor = 95);
ALTER TABLE order_lines SET (fillfactor = 95);
ALTER TABLE webhook_deliveries SET (fillfactor = 80);
ALTER TABLE webhook_endpoints SET (fillfactor = 60);
ALTER TABLE jobs SET (fillfactor = 70);
ALTER TABLE leases SET (fillfactor = 50);
ALTER TABLE policy_usage SET (fillfactor = 50);
ALTER TABLE rollup_click_hours SET (fillfactor = 80);
ALTER TABLE rollup_partner_hours SET (fillfactor = 80);
ALTER TABLE rollup_partner_days SET (fillfactor = 70);
ALTER TABLE rollup_policy_hours SET (fillfactor = 80);
ALTER TABLE rollup_product_hours SET (fillfactor = 80);
--> statement-breakpoint

-- ---------------------------------------------------------------------------------------------------------------------
-- What the services may do. A new table gets its grant in the migration that makes it.

GRANT USAGE ON SCHEMA public TO tributary_service;

-- Written once.
GRANT SELECT, INSERT ON audit_logs, commission_entries, commission_policy_versions, refunds TO tributary_service;

-- Changed, never deleted.
GRANT SELECT, INSERT, UPDATE ON
  api_keys, commission_policies, commissions, conversion_events, customers, order_lines, orders, outbox_events, partners, payouts,
  policy_usage, products, referral_clicks, referral_codes, settings, stream_positions
TO tributary_service;

-- Purged, revoked, rebuilt or removed by their owners.
GRANT SELECT, INSERT, UPDATE, DELETE ON
  consumed_events, dead_letters, idempotency_keys, job_results, jobs, leases, refresh_tokens, rollup_click_hours,
  rollup_partner_days, rollup_partner_hours, rollup_policy_hours, rollup_product_hours, routing_weights, users,
  webhook_attempts, webhook_deliveries, webhook_dispatchers, webhook_endpoints
TO tributary_service;

REVOKE EXECUTE ON FUNCTION ensure_partitions(timestamptz, integer), drop_expired_outbox(timestamptz),
  add_partition(text, text, text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_partitions(timestamptz, integer), drop_expired_outbox(timestamptz) TO tributary_service;
