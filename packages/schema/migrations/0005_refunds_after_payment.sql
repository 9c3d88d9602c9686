-- A paid commission never changes, but a refund that the shop made afterwards is a refund of it all the same: such an earning
-- counts as refunded when it was clawed back and its conversion has a refund. All else is as in 0003_rollup_recompute.
CREATE OR REPLACE FUNCTION recompute_partner_commissions(program text, hours timestamptz[], partner_ids uuid[]) RETURNS void
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
      count(*) FILTER (WHERE c.kind = 'earning' AND (c.refunded_at IS NOT NULL OR c.clawed_back_amount > 0
        AND EXISTS (SELECT FROM conversion_events e
          WHERE e.program_id = c.program_id AND e.id = c.conversion_id AND e.refunded_amount > 0))) AS refund_count,
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

  PERFORM advance_rollups(program);
END $$;
