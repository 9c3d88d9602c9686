CREATE TABLE "rollup_click_days" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"day" timestamp (3) with time zone NOT NULL,
	"partner_id" uuid NOT NULL,
	"valid_clicks" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "rollup_click_days_program_id_day_partner_id_pk" PRIMARY KEY("program_id","day","partner_id")
);
--> statement-breakpoint
CREATE TABLE "rollup_program_hours" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"hour" timestamp (3) with time zone NOT NULL,
	"currency" text NOT NULL,
	"conversions" integer DEFAULT 0 NOT NULL,
	"primary_conversions" integer DEFAULT 0 NOT NULL,
	"revenue" numeric(14, 2) DEFAULT '0' NOT NULL,
	"pending_count" integer DEFAULT 0 NOT NULL,
	"confirmed_count" integer DEFAULT 0 NOT NULL,
	"paid_count" integer DEFAULT 0 NOT NULL,
	"cancelled_count" integer DEFAULT 0 NOT NULL,
	"refund_count" integer DEFAULT 0 NOT NULL,
	"earnings_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"earnings_order_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"pending_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"confirmed_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"paid_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"clawed_back_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"bonus_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"clawback_open_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	CONSTRAINT "rollup_program_hours_program_id_currency_hour_pk" PRIMARY KEY("program_id","currency","hour")
);
--> statement-breakpoint
CREATE TABLE "rollup_progress" (
	"program_id" text PRIMARY KEY DEFAULT 'default' NOT NULL,
	"version" bigint DEFAULT 0 NOT NULL,
	"as_of" timestamp (3) with time zone
);
--> statement-breakpoint
DROP INDEX "rollup_partner_days_partner";--> statement-breakpoint
DROP INDEX "rollup_partner_hours_partner";--> statement-breakpoint
ALTER TABLE "rollup_partner_days" ADD COLUMN "pending_amount" numeric(14, 2) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "rollup_partner_days" ADD COLUMN "confirmed_amount" numeric(14, 2) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "rollup_partner_days" ADD COLUMN "clawback_open_amount" numeric(14, 2) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "rollup_partner_hours" ADD COLUMN "pending_amount" numeric(14, 2) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "rollup_partner_hours" ADD COLUMN "confirmed_amount" numeric(14, 2) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "rollup_partner_hours" ADD COLUMN "clawback_open_amount" numeric(14, 2) DEFAULT '0' NOT NULL;--> statement-breakpoint
CREATE INDEX "rollup_click_days_partner" ON "rollup_click_days" USING btree ("program_id","partner_id","day");--> statement-breakpoint
CREATE INDEX "rollup_partner_days_partner" ON "rollup_partner_days" USING btree ("program_id","partner_id","day");--> statement-breakpoint
CREATE INDEX "rollup_partner_hours_partner" ON "rollup_partner_hours" USING btree ("program_id","partner_id","hour");--> statement-breakpoint

-- ---------------------------------------------------------------------------------------------------------------------
-- Recomputing rollups. Each function takes a lock first and reads in its next statement, which under READ COMMITTED has a
-- snapshot of its own: whoever comes later has seen at least as much, so that an older result never overwrites a newer
-- one, however many processes recompute at once. A single statement could not promise that: its snapshot is older than its locks.

CREATE FUNCTION advance_rollups(program text) RETURNS void LANGUAGE sql SET search_path = pg_catalog, public AS $$
  INSERT INTO rollup_progress AS p (program_id, version) VALUES (program, 1)
  ON CONFLICT (program_id) DO UPDATE SET version = p.version + 1
$$;
--> statement-breakpoint

-- Conversions and revenue of these hours of partners, then of the days and programme hours that they are part of.
-- What is there already takes part with zeros, so that a currency whose last row went away is set to zero.
CREATE FUNCTION recompute_partner_conversions(program text, hours timestamptz[], partner_ids uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('tributary rollups of partners ' || program, 0));

  INSERT INTO rollup_partner_hours AS r (program_id, hour, partner_id, currency, conversions, primary_conversions, revenue)
  SELECT program, dirty.hour, dirty.partner_id, f.currency, sum(f.conversions), sum(f.primaries), sum(f.revenue)
  FROM (SELECT DISTINCT hour, partner_id FROM unnest(hours, partner_ids) AS key (hour, partner_id)) AS dirty
  CROSS JOIN LATERAL (
    SELECT e.currency, count(*) AS conversions, count(*) FILTER (WHERE e.is_primary) AS primaries, sum(e.attributed_amount) AS revenue
    FROM conversion_events e
    WHERE e.program_id = program AND e.partner_id = dirty.partner_id
      AND e.converted_at >= dirty.hour AND e.converted_at < dirty.hour + interval '1 hour'
    GROUP BY e.currency
    UNION ALL
    SELECT h.currency, 0, 0, 0 FROM rollup_partner_hours h
    WHERE h.program_id = program AND h.partner_id = dirty.partner_id AND h.hour = dirty.hour
  ) AS f
  GROUP BY dirty.hour, dirty.partner_id, f.currency
  ORDER BY dirty.hour, dirty.partner_id, f.currency
  ON CONFLICT (program_id, currency, hour, partner_id) DO UPDATE SET
    conversions = excluded.conversions, primary_conversions = excluded.primary_conversions, revenue = excluded.revenue
  WHERE (r.conversions, r.primary_conversions, r.revenue)
    IS DISTINCT FROM (excluded.conversions, excluded.primary_conversions, excluded.revenue);

  INSERT INTO rollup_partner_days AS r (program_id, day, partner_id, currency, conversions, primary_conversions, revenue)
  SELECT program, dirty.day, dirty.partner_id, f.currency, f.conversions, f.primaries, f.revenue
  FROM (SELECT DISTINCT date_trunc('day', hour, 'UTC') AS day, partner_id
    FROM unnest(hours, partner_ids) AS key (hour, partner_id)) AS dirty
  CROSS JOIN LATERAL (
    SELECT h.currency, sum(h.conversions) AS conversions, sum(h.primary_conversions) AS primaries, sum(h.revenue) AS revenue
    FROM rollup_partner_hours h
    WHERE h.program_id = program AND h.partner_id = dirty.partner_id
      AND h.hour >= dirty.day AND h.hour < dirty.day + interval '24 hours'
    GROUP BY h.currency
  ) AS f
  ORDER BY dirty.day, dirty.partner_id, f.currency
  ON CONFLICT (program_id, currency, day, partner_id) DO UPDATE SET
    conversions = excluded.conversions, primary_conversions = excluded.primary_conversions, revenue = excluded.revenue
  WHERE (r.conversions, r.primary_conversions, r.revenue)
    IS DISTINCT FROM (excluded.conversions, excluded.primary_conversions, excluded.revenue);

  INSERT INTO rollup_program_hours AS r (program_id, hour, currency, conversions, primary_conversions, revenue)
  SELECT program, dirty.hour, f.currency, f.conversions, f.primaries, f.revenue
  FROM (SELECT DISTINCT hour FROM unnest(hours) AS key (hour)) AS dirty
  CROSS JOIN LATERAL (
    SELECT h.currency, sum(h.conversions) AS conversions, sum(h.primary_conversions) AS primaries, sum(h.revenue) AS revenue
    FROM rollup_partner_hours h
    WHERE h.program_id = program AND h.hour = dirty.hour
    GROUP BY h.currency
  ) AS f
  ORDER BY dirty.hour, f.currency
  ON CONFLICT (program_id, currency, hour) DO UPDATE SET
    conversions = excluded.conversions, primary_conversions = excluded.primary_conversions, revenue = excluded.revenue
  WHERE (r.conversions, r.primary_conversions, r.revenue)
    IS DISTINCT FROM (excluded.conversions, excluded.primary_conversions, excluded.revenue);

  PERFORM advance_rollups(program);
END $$;
--> statement-breakpoint

-- Commissions of these hours of partners, by created_at and (what was paid) by paid_at; then their days and programme hours.
CREATE FUNCTION recompute_partner_commissions(program text, hours timestamptz[], partner_ids uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('tributary rollups of partners ' || program, 0));

  INSERT INTO rollup_partner_hours AS r (program_id, hour, partner_id, currency,
    pending_count, confirmed_count, paid_count, cancelled_count, refund_count, earnings_amount,
    earnings_order_amount, pending_amount, confirmed_amount, clawed_back_amount, bonus_amount, clawback_open_amount,
    paid_amount)
  SELECT program, dirty.hour, dirty.partner_id, f.currency,
    sum(f.pending_count), sum(f.confirmed_count), sum(f.paid_count), sum(f.cancelled_count), sum(f.refund_count),
    sum(f.earnings_amount), sum(f.earnings_order_amount), sum(f.pending_amount), sum(f.confirmed_amount),
    sum(f.clawed_back_amount), sum(f.bonus_amount), sum(f.clawback_open_amount), sum(f.paid_amount)
  FROM (SELECT DISTINCT hour, partner_id FROM unnest(hours, partner_ids) AS key (hour, partner_id)) AS dirty
  CROSS JOIN LATERAL (
    SELECT c.currency,
      count(*) FILTER (WHERE c.kind = 'earning' AND c.status = 'pending') AS pending_count,
      count(*) FILTER (WHERE c.kind = 'earning' AND c.status = 'confirmed') AS confirmed_count,
      count(*) FILTER (WHERE c.kind = 'earning' AND c.status = 'paid') AS paid_count,
      count(*) FILTER (WHERE c.kind = 'earning' AND c.status = 'cancelled') AS cancelled_count,
      count(*) FILTER (WHERE c.kind = 'earning' AND c.refunded_at IS NOT NULL) AS refund_count,
      coalesce(sum(c.commission_amount) FILTER (WHERE c.kind = 'earning' AND c.status <> 'cancelled'), 0) AS earnings_amount,
      coalesce(sum(c.order_amount) FILTER (WHERE c.kind = 'earning' AND c.status <> 'cancelled'), 0) AS earnings_order_amount,
      coalesce(sum(c.commission_amount) FILTER (WHERE c.kind = 'earning' AND c.status = 'pending'), 0) AS pending_amount,
      coalesce(sum(c.commission_amount) FILTER (WHERE c.kind = 'earning' AND c.status = 'confirmed'), 0) AS confirmed_amount,
      coalesce(-sum(c.commission_amount) FILTER (WHERE c.kind = 'clawback'), 0) AS clawed_back_amount,
      coalesce(sum(c.commission_amount) FILTER (WHERE c.kind = 'bonus' AND c.status <> 'cancelled'), 0) AS bonus_amount,
      coalesce(-sum(c.commission_amount) FILTER (WHERE c.kind = 'clawback' AND c.status = 'confirmed'), 0) AS clawback_open_amount,
      0 AS paid_amount
    FROM commissions c
    WHERE c.program_id = program AND c.partner_id = dirty.partner_id
      AND c.created_at >= dirty.hour AND c.created_at < dirty.hour + interval '1 hour'
    GROUP BY c.currency
    UNION ALL
    SELECT c.currency, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, sum(c.commission_amount)
    FROM commissions c
    WHERE c.program_id = program AND c.partner_id = dirty.partner_id
      AND c.paid_at >= dirty.hour AND c.paid_at < dirty.hour + interval '1 hour' AND c.kind = 'earning' AND c.status = 'paid'
    GROUP BY c.currency
    UNION ALL
    SELECT h.currency, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM rollup_partner_hours h
    WHERE h.program_id = program AND h.partner_id = dirty.partner_id AND h.hour = dirty.hour
  ) AS f
  GROUP BY dirty.hour, dirty.partner_id, f.currency
  ORDER BY dirty.hour, dirty.partner_id, f.currency
  ON CONFLICT (program_id, currency, hour, partner_id) DO UPDATE SET
    pending_count = excluded.pending_count, confirmed_count = excluded.confirmed_count,
    paid_count = excluded.paid_count, cancelled_count = excluded.cancelled_count,
    refund_count = excluded.refund_count, earnings_amount = excluded.earnings_amount,
    earnings_order_amount = excluded.earnings_order_amount, pending_amount = excluded.pending_amount,
    confirmed_amount = excluded.confirmed_amount, clawed_back_amount = excluded.clawed_back_amount,
    bonus_amount = excluded.bonus_amount, clawback_open_amount = excluded.clawback_open_amount,
    paid_amount = excluded.paid_amount
  WHERE (r.pending_count, r.confirmed_count, r.paid_count, r.cancelled_count, r.refund_count, r.earnings_amount,
    r.earnings_order_amount, r.pending_amount, r.confirmed_amount, r.clawed_back_amount, r.bonus_amount,
    r.clawback_open_amount, r.paid_amount)
    IS DISTINCT FROM (excluded.pending_count, excluded.confirmed_count, excluded.paid_count, excluded.cancelled_count, excluded.refund_count, excluded.earnings_amount,
      excluded.earnings_order_amount, excluded.pending_amount, excluded.confirmed_amount,
      excluded.clawed_back_amount, excluded.bonus_amount, excluded.clawback_open_amount, excluded.paid_amount);

  INSERT INTO rollup_partner_days AS r (program_id, day, partner_id, currency,
    pending_count, confirmed_count, paid_count, cancelled_count, refund_count, earnings_amount,
    earnings_order_amount, pending_amount, confirmed_amount, clawed_back_amount, bonus_amount, clawback_open_amount,
    paid_amount)
  SELECT program, dirty.day, dirty.partner_id, f.currency,
    f.pending_count, f.confirmed_count, f.paid_count, f.cancelled_count, f.refund_count, f.earnings_amount,
    f.earnings_order_amount, f.pending_amount, f.confirmed_amount, f.clawed_back_amount, f.bonus_amount,
    f.clawback_open_amount, f.paid_amount
  FROM (SELECT DISTINCT date_trunc('day', hour, 'UTC') AS day, partner_id
    FROM unnest(hours, partner_ids) AS key (hour, partner_id)) AS dirty
  CROSS JOIN LATERAL (
    SELECT h.currency,
      sum(h.pending_count) AS pending_count, sum(h.confirmed_count) AS confirmed_count,
      sum(h.paid_count) AS paid_count, sum(h.cancelled_count) AS cancelled_count,
      sum(h.refund_count) AS refund_count, sum(h.earnings_amount) AS earnings_amount,
      sum(h.earnings_order_amount) AS earnings_order_amount, sum(h.pending_amount) AS pending_amount,
      sum(h.confirmed_amount) AS confirmed_amount, sum(h.clawed_back_amount) AS clawed_back_amount,
      sum(h.bonus_amount) AS bonus_amount, sum(h.clawback_open_amount) AS clawback_open_amount,
      sum(h.paid_amount) AS paid_amount
    FROM rollup_partner_hours h
    WHERE h.program_id = program AND h.partner_id = dirty.partner_id
      AND h.hour >= dirty.day AND h.hour < dirty.day + interval '24 hours'
    GROUP BY h.currency
  ) AS f
  ORDER BY dirty.day, dirty.partner_id, f.currency
  ON CONFLICT (program_id, currency, day, partner_id) DO UPDATE SET
    pending_count = excluded.pending_count, confirmed_count = excluded.confirmed_count,
    paid_count = excluded.paid_count, cancelled_count = excluded.cancelled_count,
    refund_count = excluded.refund_count, earnings_amount = excluded.earnings_amount,
    earnings_order_amount = excluded.earnings_order_amount, pending_amount = excluded.pending_amount,
    confirmed_amount = excluded.confirmed_amount, clawed_back_amount = excluded.clawed_back_amount,
    bonus_amount = excluded.bonus_amount, clawback_open_amount = excluded.clawback_open_amount,
    paid_amount = excluded.paid_amount
  WHERE (r.pending_count, r.confirmed_count, r.paid_count, r.cancelled_count, r.refund_count, r.earnings_amount,
    r.earnings_order_amount, r.pending_amount, r.confirmed_amount, r.clawed_back_amount, r.bonus_amount,
    r.clawback_open_amount, r.paid_amount)
    IS DISTINCT FROM (excluded.pending_count, excluded.confirmed_count, excluded.paid_count, excluded.cancelled_count, excluded.refund_count, excluded.earnings_amount,
      excluded.earnings_order_amount, excluded.pending_amount, excluded.confirmed_amount,
      excluded.clawed_back_amount, excluded.bonus_amount, excluded.clawback_open_amount, excluded.paid_amount);

  INSERT INTO rollup_program_hours AS r (program_id, hour, currency,
    pending_count, confirmed_count, paid_count, cancelled_count, refund_count, earnings_amount,
    earnings_order_amount, pending_amount, confirmed_amount, clawed_back_amount, bonus_amount, clawback_open_amount,
    paid_amount)
  SELECT program, dirty.hour, f.currency,
    f.pending_count, f.confirmed_count, f.paid_count, f.cancelled_count, f.refund_count, f.earnings_amount,
    f.earnings_order_amount, f.pending_amount, f.confirmed_amount, f.clawed_back_amount, f.bonus_amount,
    f.clawback_open_amount, f.paid_amount
  FROM (SELECT DISTINCT hour FROM unnest(hours) AS key (hour)) AS dirty
  CROSS JOIN LATERAL (
    SELECT h.currency,
      sum(h.pending_count) AS pending_count, sum(h.confirmed_count) AS confirmed_count,
      sum(h.paid_count) AS paid_count, sum(h.cancelled_count) AS cancelled_count,
      sum(h.refund_count) AS refund_count, sum(h.earnings_amount) AS earnings_amount,
      sum(h.earnings_order_amount) AS earnings_order_amount, sum(h.pending_amount) AS pending_amount,
      sum(h.confirmed_amount) AS confirmed_amount, sum(h.clawed_back_amount) AS clawed_back_amount,
      sum(h.bonus_amount) AS bonus_amount, sum(h.clawback_open_amount) AS clawback_open_amount,
      sum(h.paid_amount) AS paid_amount
    FROM rollup_partner_hours h
    WHERE h.program_id = program AND h.hour = dirty.hour
    GROUP BY h.currency
  ) AS f
  ORDER BY dirty.hour, f.currency
  ON CONFLICT (program_id, currency, hour) DO UPDATE SET
    pending_count = excluded.pending_count, confirmed_count = excluded.confirmed_count,
    paid_count = excluded.paid_count, cancelled_count = excluded.cancelled_count,
    refund_count = excluded.refund_count, earnings_amount = excluded.earnings_amount,
    earnings_order_amount = excluded.earnings_order_amount, pending_amount = excluded.pending_amount,
    confirmed_amount = excluded.confirmed_amount, clawed_back_amount = excluded.clawed_back_amount,
    bonus_amount = excluded.bonus_amount, clawback_open_amount = excluded.clawback_open_amount,
    paid_amount = excluded.paid_amount
  WHERE (r.pending_count, r.confirmed_count, r.paid_count, r.cancelled_count, r.refund_count, r.earnings_amount,
    r.earnings_order_amount, r.pending_amount, r.confirmed_amount, r.clawed_back_amount, r.bonus_amount,
    r.clawback_open_amount, r.paid_amount)
    IS DISTINCT FROM (excluded.pending_count, excluded.confirmed_count, excluded.paid_count, excluded.cancelled_count, excluded.refund_count, excluded.earnings_amount,
      excluded.earnings_order_amount, excluded.pending_amount, excluded.confirmed_amount,
      excluded.clawed_back_amount, excluded.bonus_amount, excluded.clawback_open_amount, excluded.paid_amount);

  PERFORM advance_rollups(program);
END $$;
--> statement-breakpoint

-- Earnings of these hours of policies.
CREATE FUNCTION recompute_policies(program text, hours timestamptz[], policy_ids uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('tributary rollups of policies ' || program, 0));

  INSERT INTO rollup_policy_hours AS r (program_id, hour, policy_id, currency,
    pending_count, confirmed_count, paid_count, cancelled_count, refund_count, earnings_amount, earnings_order_amount)
  SELECT program, dirty.hour, dirty.policy_id, f.currency,
    sum(f.pending_count), sum(f.confirmed_count), sum(f.paid_count), sum(f.cancelled_count), sum(f.refund_count),
    sum(f.earnings_amount), sum(f.earnings_order_amount)
  FROM (SELECT DISTINCT hour, policy_id FROM unnest(hours, policy_ids) AS key (hour, policy_id)) AS dirty
  CROSS JOIN LATERAL (
    SELECT c.currency,
      count(*) FILTER (WHERE c.kind = 'earning' AND c.status = 'pending') AS pending_count,
      count(*) FILTER (WHERE c.kind = 'earning' AND c.status = 'confirmed') AS confirmed_count,
      count(*) FILTER (WHERE c.kind = 'earning' AND c.status = 'paid') AS paid_count,
      count(*) FILTER (WHERE c.kind = 'earning' AND c.status = 'cancelled') AS cancelled_count,
      count(*) FILTER (WHERE c.kind = 'earning' AND c.refunded_at IS NOT NULL) AS refund_count,
      coalesce(sum(c.commission_amount) FILTER (WHERE c.kind = 'earning' AND c.status <> 'cancelled'), 0) AS earnings_amount,
      coalesce(sum(c.order_amount) FILTER (WHERE c.kind = 'earning' AND c.status <> 'cancelled'), 0) AS earnings_order_amount
    FROM commissions c
    WHERE c.program_id = program AND c.policy_id = dirty.policy_id AND c.kind = 'earning'
      AND c.created_at >= dirty.hour AND c.created_at < dirty.hour + interval '1 hour'
    GROUP BY c.currency
    UNION ALL
    SELECT h.currency, 0, 0, 0, 0, 0, 0, 0 FROM rollup_policy_hours h
    WHERE h.program_id = program AND h.policy_id = dirty.policy_id AND h.hour = dirty.hour
  ) AS f
  GROUP BY dirty.hour, dirty.policy_id, f.currency
  ORDER BY dirty.hour, dirty.policy_id, f.currency
  ON CONFLICT (program_id, currency, hour, policy_id) DO UPDATE SET
    pending_count = excluded.pending_count, confirmed_count = excluded.confirmed_count,
    paid_count = excluded.paid_count, cancelled_count = excluded.cancelled_count,
    refund_count = excluded.refund_count, earnings_amount = excluded.earnings_amount,
    earnings_order_amount = excluded.earnings_order_amount
  WHERE (r.pending_count, r.confirmed_count, r.paid_count, r.cancelled_count, r.refund_count, r.earnings_amount, r.earnings_order_amount)
    IS DISTINCT FROM (excluded.pending_count, excluded.confirmed_count, excluded.paid_count, excluded.cancelled_count, excluded.refund_count, excluded.earnings_amount, excluded.earnings_order_amount);

  PERFORM advance_rollups(program);
END $$;
--> statement-breakpoint

-- Primary conversions of these hours of products.
CREATE FUNCTION recompute_products(program text, hours timestamptz[], product_ids uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('tributary rollups of products ' || program, 0));

  INSERT INTO rollup_product_hours AS r (program_id, hour, product_id, currency, conversions)
  SELECT program, dirty.hour, dirty.product_id, f.currency, sum(f.conversions)
  FROM (SELECT DISTINCT hour, product_id FROM unnest(hours, product_ids) AS key (hour, product_id)) AS dirty
  CROSS JOIN LATERAL (
    SELECT e.currency, count(*) FILTER (WHERE e.is_primary) AS conversions
    FROM conversion_events e
    WHERE e.program_id = program AND e.product_id = dirty.product_id
      AND e.converted_at >= dirty.hour AND e.converted_at < dirty.hour + interval '1 hour'
    GROUP BY e.currency
    UNION ALL
    SELECT h.currency, 0 FROM rollup_product_hours h
    WHERE h.program_id = program AND h.product_id = dirty.product_id AND h.hour = dirty.hour
  ) AS f
  GROUP BY dirty.hour, dirty.product_id, f.currency
  ORDER BY dirty.hour, dirty.product_id, f.currency
  ON CONFLICT (program_id, currency, hour, product_id) DO UPDATE SET conversions = excluded.conversions
  WHERE r.conversions <> excluded.conversions;

  PERFORM advance_rollups(program);
END $$;
--> statement-breakpoint

-- Clicks are counted by the statement that stores them, so their counters are locked before they are recounted: a click
-- that is being stored has either been counted here, or waits for the lock and is added afterwards.
CREATE FUNCTION recompute_clicks(program text, hours timestamptz[], partner_ids uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  INSERT INTO rollup_click_hours (program_id, hour, partner_id)
  SELECT DISTINCT program, hour, partner_id FROM unnest(hours, partner_ids) AS key (hour, partner_id)
  ORDER BY hour, partner_id
  ON CONFLICT DO NOTHING;

  PERFORM FROM rollup_click_hours r JOIN unnest(hours, partner_ids) AS key (hour, partner_id) USING (hour, partner_id)
  WHERE r.program_id = program ORDER BY r.hour, r.partner_id FOR UPDATE OF r;

  UPDATE rollup_click_hours r SET valid_clicks = counted.valid_clicks
  FROM (
    SELECT dirty.hour, dirty.partner_id, f.valid_clicks
    FROM (SELECT DISTINCT hour, partner_id FROM unnest(hours, partner_ids) AS key (hour, partner_id)) AS dirty
    CROSS JOIN LATERAL (
      SELECT count(*) AS valid_clicks FROM referral_clicks c
      WHERE c.program_id = program AND c.partner_id = dirty.partner_id AND c.status = 'valid'
        AND c.clicked_at >= dirty.hour AND c.clicked_at < dirty.hour + interval '1 hour') AS f
  ) AS counted
  WHERE r.program_id = program AND r.hour = counted.hour AND r.partner_id = counted.partner_id
    AND r.valid_clicks <> counted.valid_clicks;
END $$;
--> statement-breakpoint

-- Days of clicks follow their hours by what was added, so that whoever counts a click need not know of them.
CREATE FUNCTION add_click_days() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO rollup_click_days AS d (program_id, day, partner_id, valid_clicks)
    SELECT program_id, date_trunc('day', hour, 'UTC'), partner_id, sum(valid_clicks) FROM written
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (program_id, day, partner_id) DO UPDATE SET valid_clicks = d.valid_clicks + excluded.valid_clicks;
  ELSE
    INSERT INTO rollup_click_days AS d (program_id, day, partner_id, valid_clicks)
    SELECT w.program_id, date_trunc('day', w.hour, 'UTC'), w.partner_id, sum(w.valid_clicks - o.valid_clicks)
    FROM written w JOIN overwritten o USING (program_id, hour, partner_id)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (program_id, day, partner_id) DO UPDATE SET valid_clicks = d.valid_clicks + excluded.valid_clicks;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER rollup_click_hours_inserted AFTER INSERT ON rollup_click_hours
  REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION add_click_days();
CREATE TRIGGER rollup_click_hours_updated AFTER UPDATE ON rollup_click_hours
  REFERENCING OLD TABLE AS overwritten NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION add_click_days();
INSERT INTO rollup_click_days (program_id, day, partner_id, valid_clicks)
SELECT program_id, date_trunc('day', hour, 'UTC'), partner_id, sum(valid_clicks) FROM rollup_click_hours GROUP BY 1, 2, 3;
--> statement-breakpoint

ALTER TABLE rollup_program_hours SET (fillfactor = 60);
ALTER TABLE rollup_click_days SET (fillfactor = 70);
ALTER TABLE rollup_progress SET (fillfactor = 20);
GRANT SELECT, INSERT, UPDATE ON rollup_click_days, rollup_program_hours, rollup_progress TO tributary_service;
