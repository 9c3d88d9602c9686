CREATE TABLE "rollup_click_stat_days" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"day" timestamp (3) with time zone NOT NULL,
	"partner_id" uuid NOT NULL,
	"status" text NOT NULL,
	"source" text NOT NULL,
	"clicks" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "rollup_click_stat_days_pk" PRIMARY KEY("program_id","day","partner_id","status","source")
);
--> statement-breakpoint
CREATE TABLE "rollup_policy_days" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"day" timestamp (3) with time zone NOT NULL,
	"policy_id" uuid NOT NULL,
	"currency" text NOT NULL,
	"pending_count" integer DEFAULT 0 NOT NULL,
	"confirmed_count" integer DEFAULT 0 NOT NULL,
	"paid_count" integer DEFAULT 0 NOT NULL,
	"cancelled_count" integer DEFAULT 0 NOT NULL,
	"refund_count" integer DEFAULT 0 NOT NULL,
	"earnings_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"earnings_order_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	CONSTRAINT "rollup_policy_days_program_id_currency_day_policy_id_pk" PRIMARY KEY("program_id","currency","day","policy_id")
);
--> statement-breakpoint
CREATE TABLE "rollup_product_days" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"day" timestamp (3) with time zone NOT NULL,
	"product_id" uuid NOT NULL,
	"currency" text NOT NULL,
	"conversions" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "rollup_product_days_program_id_currency_day_product_id_pk" PRIMARY KEY("program_id","currency","day","product_id")
);
--> statement-breakpoint
CREATE TABLE "rollup_program_click_hours" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"hour" timestamp (3) with time zone NOT NULL,
	"valid_clicks" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "rollup_program_click_hours_program_id_hour_pk" PRIMARY KEY("program_id","hour")
);
--> statement-breakpoint
ALTER TABLE "rollup_progress" ADD COLUMN "definition" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "rollup_click_stat_days_partner" ON "rollup_click_stat_days" USING btree ("program_id","partner_id","day");--> statement-breakpoint
CREATE INDEX "rollup_policy_hours_policy" ON "rollup_policy_hours" USING btree ("program_id","policy_id","hour");--> statement-breakpoint
CREATE INDEX "rollup_product_hours_product" ON "rollup_product_hours" USING btree ("program_id","product_id","hour");
--> statement-breakpoint
-- As in 0005_refunds_after_payment, with the days that the hours are part of.
CREATE OR REPLACE FUNCTION recompute_policies(program text, hours timestamptz[], policy_ids uuid[]) RETURNS void
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
      count(*) FILTER (WHERE c.kind = 'earning' AND (c.refunded_at IS NOT NULL OR c.clawed_back_amount > 0
        AND EXISTS (SELECT FROM conversion_events e
          WHERE e.program_id = c.program_id AND e.id = c.conversion_id AND e.refunded_amount > 0))) AS refund_count,
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

  INSERT INTO rollup_policy_days AS r (program_id, day, policy_id, currency,
    pending_count, confirmed_count, paid_count, cancelled_count, refund_count, earnings_amount, earnings_order_amount)
  SELECT program, dirty.day, dirty.policy_id, f.currency, f.pending_count, f.confirmed_count, f.paid_count, f.cancelled_count, f.refund_count, f.earnings_amount, f.earnings_order_amount
  FROM (SELECT DISTINCT date_trunc('day', hour, 'UTC') AS day, policy_id
    FROM unnest(hours, policy_ids) AS key (hour, policy_id)) AS dirty
  CROSS JOIN LATERAL (
    SELECT h.currency, sum(h.pending_count) AS pending_count, sum(h.confirmed_count) AS confirmed_count, sum(h.paid_count) AS paid_count, sum(h.cancelled_count) AS cancelled_count, sum(h.refund_count) AS refund_count, sum(h.earnings_amount) AS earnings_amount, sum(h.earnings_order_amount) AS earnings_order_amount
    FROM rollup_policy_hours h
    WHERE h.program_id = program AND h.policy_id = dirty.policy_id
      AND h.hour >= dirty.day AND h.hour < dirty.day + interval '24 hours'
    GROUP BY h.currency
  ) AS f
  ORDER BY dirty.day, dirty.policy_id, f.currency
  ON CONFLICT (program_id, currency, day, policy_id) DO UPDATE SET
    pending_count = excluded.pending_count, confirmed_count = excluded.confirmed_count, paid_count = excluded.paid_count, cancelled_count = excluded.cancelled_count, refund_count = excluded.refund_count, earnings_amount = excluded.earnings_amount, earnings_order_amount = excluded.earnings_order_amount
  WHERE (r.pending_count, r.confirmed_count, r.paid_count, r.cancelled_count, r.refund_count, r.earnings_amount, r.earnings_order_amount)
    IS DISTINCT FROM (excluded.pending_count, excluded.confirmed_count, excluded.paid_count, excluded.cancelled_count, excluded.refund_count, excluded.earnings_amount, excluded.earnings_order_amount);

  PERFORM advance_rollups(program);
END $$;
--> statement-breakpoint
-- As in 0003_rollup_recompute, with the days that the hours are part of.
CREATE OR REPLACE FUNCTION recompute_products(program text, hours timestamptz[], product_ids uuid[]) RETURNS void
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

  INSERT INTO rollup_product_days AS r (program_id, day, product_id, currency, conversions)
  SELECT program, dirty.day, dirty.product_id, f.currency, f.conversions
  FROM (SELECT DISTINCT date_trunc('day', hour, 'UTC') AS day, product_id
    FROM unnest(hours, product_ids) AS key (hour, product_id)) AS dirty
  CROSS JOIN LATERAL (
    SELECT h.currency, sum(h.conversions) AS conversions
    FROM rollup_product_hours h
    WHERE h.program_id = program AND h.product_id = dirty.product_id
      AND h.hour >= dirty.day AND h.hour < dirty.day + interval '24 hours'
    GROUP BY h.currency
  ) AS f
  ORDER BY dirty.day, dirty.product_id, f.currency
  ON CONFLICT (program_id, currency, day, product_id) DO UPDATE SET conversions = excluded.conversions
  WHERE r.conversions <> excluded.conversions;

  PERFORM advance_rollups(program);
END $$;
--> statement-breakpoint

-- Hours of a partner, then their days, then hours of the programme: everybody who writes them takes their locks in this order.
CREATE OR REPLACE FUNCTION add_click_days() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO rollup_click_days AS d (program_id, day, partner_id, valid_clicks)
    SELECT program_id, date_trunc('day', hour, 'UTC'), partner_id, sum(valid_clicks) FROM written
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (program_id, day, partner_id) DO UPDATE SET valid_clicks = d.valid_clicks + excluded.valid_clicks;
    INSERT INTO rollup_program_click_hours AS p (program_id, hour, valid_clicks)
    SELECT program_id, hour, sum(valid_clicks) FROM written GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (program_id, hour) DO UPDATE SET valid_clicks = p.valid_clicks + excluded.valid_clicks;
  ELSE
    INSERT INTO rollup_click_days AS d (program_id, day, partner_id, valid_clicks)
    SELECT w.program_id, date_trunc('day', w.hour, 'UTC'), w.partner_id, sum(w.valid_clicks - o.valid_clicks)
    FROM written w JOIN overwritten o USING (program_id, hour, partner_id)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (program_id, day, partner_id) DO UPDATE SET valid_clicks = d.valid_clicks + excluded.valid_clicks;
    INSERT INTO rollup_program_click_hours AS p (program_id, hour, valid_clicks)
    SELECT w.program_id, w.hour, sum(w.valid_clicks - o.valid_clicks)
    FROM written w JOIN overwritten o USING (program_id, hour, partner_id)
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (program_id, hour) DO UPDATE SET valid_clicks = p.valid_clicks + excluded.valid_clicks;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint

-- Statistics count every click, whoever stores it and however late it comes.
CREATE FUNCTION count_click_stats() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  INSERT INTO rollup_click_stat_days AS s (program_id, day, partner_id, status, source, clicks)
  SELECT program_id, date_trunc('day', clicked_at, 'UTC'), coalesce(partner_id, '00000000-0000-0000-0000-000000000000'::uuid),
    status, source, count(*) FROM stored
  GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (program_id, day, partner_id, status, source) DO UPDATE SET clicks = s.clicks + excluded.clicks;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER referral_clicks_counted AFTER INSERT ON referral_clicks
  REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION count_click_stats();
--> statement-breakpoint
-- Recounts whole days. Locks the counters first: a click being stored has either been counted, or waits and is added.
CREATE FUNCTION recompute_click_stats(program text, days timestamptz[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  INSERT INTO rollup_click_stat_days (program_id, day, partner_id, status, source)
  SELECT DISTINCT program, key.day, coalesce(c.partner_id, '00000000-0000-0000-0000-000000000000'::uuid), c.status, c.source
  FROM unnest(days) AS key (day) JOIN referral_clicks c
    ON c.program_id = program AND c.clicked_at >= key.day AND c.clicked_at < key.day + interval '24 hours'
  ORDER BY 2, 3, 4, 5
  ON CONFLICT DO NOTHING;

  PERFORM FROM rollup_click_stat_days s WHERE s.program_id = program AND s.day = ANY (days)
  ORDER BY s.day, s.partner_id, s.status, s.source FOR UPDATE;

  UPDATE rollup_click_stat_days s SET clicks = coalesce(counted.clicks, 0)
  FROM rollup_click_stat_days k LEFT JOIN (
    SELECT key.day, coalesce(c.partner_id, '00000000-0000-0000-0000-000000000000'::uuid) AS partner_id, c.status, c.source, count(*) AS clicks
    FROM unnest(days) AS key (day) JOIN referral_clicks c
      ON c.program_id = program AND c.clicked_at >= key.day AND c.clicked_at < key.day + interval '24 hours'
    GROUP BY 1, 2, 3, 4
  ) AS counted USING (day, partner_id, status, source)
  WHERE k.program_id = program AND k.day = ANY (days)
    AND (s.program_id, s.day, s.partner_id, s.status, s.source) = (k.program_id, k.day, k.partner_id, k.status, k.source)
    AND s.clicks <> coalesce(counted.clicks, 0);
END $$;
--> statement-breakpoint

-- What there is already. Nobody counts meanwhile: the triggers' tables are locked until this is committed.
LOCK TABLE rollup_click_hours, referral_clicks IN SHARE ROW EXCLUSIVE MODE;
--> statement-breakpoint
INSERT INTO rollup_program_click_hours (program_id, hour, valid_clicks)
SELECT program_id, hour, sum(valid_clicks) FROM rollup_click_hours GROUP BY 1, 2;
--> statement-breakpoint
INSERT INTO rollup_click_stat_days (program_id, day, partner_id, status, source, clicks)
SELECT program_id, date_trunc('day', clicked_at, 'UTC'), coalesce(partner_id, '00000000-0000-0000-0000-000000000000'::uuid), status, source, count(*)
FROM referral_clicks GROUP BY 1, 2, 3, 4, 5;
--> statement-breakpoint
INSERT INTO rollup_policy_days (program_id, day, policy_id, currency, pending_count, confirmed_count, paid_count, cancelled_count, refund_count, earnings_amount, earnings_order_amount)
SELECT program_id, date_trunc('day', hour, 'UTC'), policy_id, currency, sum(pending_count), sum(confirmed_count), sum(paid_count), sum(cancelled_count), sum(refund_count), sum(earnings_amount), sum(earnings_order_amount)
FROM rollup_policy_hours GROUP BY 1, 2, 3, 4;
--> statement-breakpoint
INSERT INTO rollup_product_days (program_id, day, product_id, currency, conversions)
SELECT program_id, date_trunc('day', hour, 'UTC'), product_id, currency, sum(conversions) FROM rollup_product_hours GROUP BY 1, 2, 3, 4;
--> statement-breakpoint

ALTER TABLE rollup_program_click_hours SET (fillfactor = 60);
ALTER TABLE rollup_click_stat_days SET (fillfactor = 70);
ALTER TABLE rollup_policy_days SET (fillfactor = 70);
ALTER TABLE rollup_product_days SET (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE ON rollup_program_click_hours, rollup_click_stat_days, rollup_policy_days, rollup_product_days
  TO tributary_service;
