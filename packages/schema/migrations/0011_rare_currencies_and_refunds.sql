-- The currency of a list was a filter over all rows. Most are in one, by which no index could choose; the others are found by this.
CREATE INDEX "commissions_currency" ON "commissions" USING btree ("program_id","currency","created_at","id") WHERE "commissions"."currency" <> 'USD';
--> statement-breakpoint
-- Refunds of one policy, partner or status: told by the index, instead of a look at every row of the policy.
DROP INDEX "commissions_refunded";
--> statement-breakpoint
CREATE INDEX "commissions_refunded" ON "commissions" USING btree ("program_id","created_at","id","partner_id","policy_id","status","currency") WHERE "commissions"."refunded_at" IS NOT NULL OR "commissions"."clawed_back_amount" > 0;
