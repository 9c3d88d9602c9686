-- A filter for refunded commissions walked all of them. Few are in this index, and only they pay for it.
CREATE INDEX "commissions_refunded" ON "commissions" USING btree ("program_id","created_at","id") WHERE "commissions"."refunded_at" IS NOT NULL OR "commissions"."clawed_back_amount" > 0;
--> statement-breakpoint
-- A first usage limit counts how often the policy was used. What it was stacked on stood in decisions alone, so that every earning
-- had to be read: 10 million of them take longer than any statement may.
CREATE TABLE "policy_stacked_uses" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"policy_id" uuid NOT NULL,
	"used_at" timestamp (3) with time zone NOT NULL,
	"commission_id" uuid NOT NULL,
	"partner_id" uuid NOT NULL,
	CONSTRAINT "policy_stacked_uses_program_id_policy_id_used_at_commission_id_pk" PRIMARY KEY("program_id","policy_id","used_at","commission_id")
);
--> statement-breakpoint
-- Written by the trigger below and by nobody else.
GRANT SELECT ON policy_stacked_uses TO tributary_service;
--> statement-breakpoint
INSERT INTO policy_stacked_uses (program_id, policy_id, used_at, commission_id, partner_id)
SELECT DISTINCT c.program_id, (s ->> 'policyId')::uuid, c.created_at, c.id, c.partner_id
FROM commissions c CROSS JOIN LATERAL jsonb_path_query(c.metadata, '$.decision.considered[*] ? (@.outcome == "stacked")') s
WHERE c.kind = 'earning' AND EXISTS (SELECT FROM commission_policy_versions v WHERE v.program_id = c.program_id AND v.stackable);
--> statement-breakpoint
-- A trigger rather than the statements that write commissions, so that those of the release before are counted too.
CREATE FUNCTION record_stacked_uses() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  INSERT INTO policy_stacked_uses (program_id, policy_id, used_at, commission_id, partner_id)
  SELECT DISTINCT NEW.program_id, (s ->> 'policyId')::uuid, NEW.created_at, NEW.id, NEW.partner_id
  FROM jsonb_path_query(NEW.metadata, '$.decision.considered[*] ? (@.outcome == "stacked")') s;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER commissions_stacked AFTER INSERT ON commissions FOR EACH ROW
  WHEN (NEW.kind = 'earning' AND NEW.metadata @? '$.decision.considered[*] ? (@.outcome == "stacked")')
  EXECUTE FUNCTION record_stacked_uses();
--> statement-breakpoint
-- Uses of a policy from a moment on, once those that are being written are committed: see unlimited_policy_holds. Earlier ones do not
-- change and are counted before, without the lock. (policy_uses_so_far stays for the release before.)
CREATE FUNCTION policy_uses_since(program text, policy uuid, since timestamptz)
RETURNS TABLE (partner uuid, uses integer)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('tributary uses of policy ' || policy, 0));
  RETURN QUERY
  SELECT u.partner_id, count(*)::int FROM (
    SELECT c.partner_id FROM commissions c
    WHERE c.program_id = program AND c.policy_id = policy AND c.kind = 'earning' AND c.created_at >= since
    UNION ALL
    SELECT s.partner_id FROM policy_stacked_uses s
    WHERE s.program_id = program AND s.policy_id = policy AND s.used_at >= since) u
  GROUP BY u.partner_id;
END $$;
