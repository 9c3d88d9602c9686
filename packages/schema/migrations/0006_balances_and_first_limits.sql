-- A partner's balance is a sum over all of its commissions, or over all of its entries until a moment. With what the sum needs in
-- the index, 15,000 commissions are 176 pages instead of 15,223 (cold 6 ms instead of 70), and the entries 274 instead of 7,152. Both
-- indexes existed: nothing is written more often, and an index of updated columns costs no HOT update that was possible before.
DROP INDEX "commissions_partner";
--> statement-breakpoint
CREATE INDEX "commissions_partner" ON "commissions" USING btree ("program_id","partner_id","created_at","id")
	INCLUDE ("kind","status","currency","commission_amount");
--> statement-breakpoint
DROP INDEX "commission_entries_partner";
--> statement-breakpoint
CREATE INDEX "commission_entries_partner" ON "commission_entries" USING btree ("program_id","partner_id","at")
	INCLUDE ("commission_id","version","kind","currency","status_after","amount_after");
--> statement-breakpoint
-- Uses of a policy without a limit are counted nowhere, until it gets one. Commissions that are written in that moment by
-- statements that began before it would then be missing from the count for ever. So each of them shares a lock of the policy until
-- it has ended, and whoever sets a first limit waits for those and counts after them. A volatile function sees what was
-- committed while it waited, which the statement around it does not.
CREATE FUNCTION unlimited_policy_holds(program text, policy uuid, read_version integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('tributary uses of policy ' || policy, 0));
  RETURN EXISTS (SELECT FROM commission_policies p WHERE p.program_id = program AND p.id = policy AND p.version = read_version);
END $$;
--> statement-breakpoint
-- Earnings that the policy owns, whatever became of them, and those that it was stacked on.
CREATE FUNCTION policy_uses_so_far(program text, policy uuid, policy_since timestamptz, ever_stackable boolean)
RETURNS TABLE (partner uuid, uses integer)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('tributary uses of policy ' || policy, 0));
  RETURN QUERY
  SELECT u.partner_id, count(*)::int FROM (
    SELECT c.partner_id FROM commissions c
    WHERE c.program_id = program AND c.policy_id = policy AND c.kind = 'earning'
    UNION ALL
    SELECT c.partner_id FROM commissions c
    WHERE ever_stackable AND c.program_id = program AND c.kind = 'earning' AND c.created_at >= policy_since
      AND c.metadata -> 'decision' -> 'considered'
        @> jsonb_build_array(jsonb_build_object('policyId', policy, 'outcome', 'stacked'))) u
  GROUP BY u.partner_id;
END $$;
