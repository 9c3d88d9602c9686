-- Edited by hand after generating: the extension, and PARTITION BY on outbox_events and referral_clicks.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
--> statement-breakpoint
CREATE TABLE "commission_policies" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"code" text NOT NULL,
	"name" text NOT NULL,
	"description" text,
	"status" text DEFAULT 'active' NOT NULL,
	"priority" integer DEFAULT 0 NOT NULL,
	"current_version" integer DEFAULT 1 NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "commission_policies_program_id_id_pk" PRIMARY KEY("program_id","id"),
	CONSTRAINT "commission_policies_status_check" CHECK ("commission_policies"."status" IN ('active', 'inactive', 'scheduled', 'expired'))
);
--> statement-breakpoint
CREATE TABLE "commission_policy_versions" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"policy_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"effective_from" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"type" text NOT NULL,
	"rate" numeric(9, 6),
	"amount" numeric(14, 2),
	"tiers" jsonb,
	"currency" text,
	"partner_id" uuid,
	"partner_tier" text,
	"product_id" uuid,
	"supplier_id" text,
	"category" text,
	"tags" text[],
	"min_commission" numeric(14, 2),
	"max_commission" numeric(14, 2),
	"min_order_amount" numeric(14, 2),
	"max_order_amount" numeric(14, 2),
	"requires_new_customer" boolean DEFAULT false NOT NULL,
	"valid_from" timestamp (3) with time zone,
	"valid_until" timestamp (3) with time zone,
	"max_usage_total" integer,
	"max_usage_per_partner" integer,
	"hold_days" integer DEFAULT 7 NOT NULL,
	"stackable" boolean DEFAULT false NOT NULL,
	"exclusive_with" text[] DEFAULT '{}' NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "commission_policy_versions_program_id_policy_id_version_pk" PRIMARY KEY("program_id","policy_id","version"),
	CONSTRAINT "policy_versions_type_check" CHECK ("commission_policy_versions"."type" IN ('percentage', 'fixed', 'tiered')),
	CONSTRAINT "policy_versions_rate_check" CHECK ("commission_policy_versions"."rate" BETWEEN 0 AND 100),
	CONSTRAINT "policy_versions_hold_check" CHECK ("commission_policy_versions"."hold_days" BETWEEN 0 AND 3650),
	CONSTRAINT "policy_versions_terms_check" CHECK (CASE "commission_policy_versions"."type" WHEN 'percentage' THEN "commission_policy_versions"."rate" IS NOT NULL WHEN 'fixed' THEN "commission_policy_versions"."amount" IS NOT NULL ELSE "commission_policy_versions"."tiers" IS NOT NULL END),
	CONSTRAINT "policy_versions_amounts_check" CHECK (least("commission_policy_versions"."amount", "commission_policy_versions"."min_commission", "commission_policy_versions"."max_commission", "commission_policy_versions"."min_order_amount", "commission_policy_versions"."max_order_amount") >= 0),
	CONSTRAINT "policy_versions_currency_check" CHECK ("commission_policy_versions"."currency" ~ '^[A-Z]{3}$')
);
--> statement-breakpoint
CREATE TABLE "partners" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"name" text NOT NULL,
	"email" text NOT NULL,
	"external_id" text,
	"tier" text DEFAULT 'bronze' NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"payment_hold" boolean DEFAULT false NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "partners_program_id_id_pk" PRIMARY KEY("program_id","id"),
	CONSTRAINT "partners_tier_check" CHECK ("partners"."tier" IN ('bronze', 'silver', 'gold', 'platinum')),
	CONSTRAINT "partners_status_check" CHECK ("partners"."status" IN ('active', 'suspended'))
);
--> statement-breakpoint
CREATE TABLE "policy_usage" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"policy_id" uuid NOT NULL,
	"partner_id" uuid,
	"used" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "policy_usage_used_check" CHECK ("policy_usage"."used" >= 0)
);
--> statement-breakpoint
CREATE TABLE "products" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"sku" text NOT NULL,
	"name" text NOT NULL,
	"category" text,
	"tags" text[] DEFAULT '{}' NOT NULL,
	"supplier_id" text,
	"price" numeric(14, 2) NOT NULL,
	"currency" text NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "products_program_id_id_pk" PRIMARY KEY("program_id","id"),
	CONSTRAINT "products_price_check" CHECK ("products"."price" >= 0),
	CONSTRAINT "products_currency_check" CHECK ("products"."currency" ~ '^[A-Z]{3}$'),
	CONSTRAINT "products_status_check" CHECK ("products"."status" IN ('active', 'inactive'))
);
--> statement-breakpoint
CREATE TABLE "referral_codes" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"code" text NOT NULL,
	"partner_id" uuid NOT NULL,
	"is_default" boolean DEFAULT false NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "referral_codes_program_id_id_pk" PRIMARY KEY("program_id","id"),
	CONSTRAINT "referral_codes_code_check" CHECK ("referral_codes"."code" ~ '^[A-Za-z0-9_-]{4,20}$'),
	CONSTRAINT "referral_codes_status_check" CHECK ("referral_codes"."status" IN ('active', 'inactive'))
);
--> statement-breakpoint
CREATE TABLE "audit_logs" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"entity_type" text NOT NULL,
	"entity_id" text NOT NULL,
	"action" text NOT NULL,
	"user_id" uuid,
	"actor" text NOT NULL,
	"changes" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"reason" text,
	"reason_code" text,
	"ip_address" text,
	"user_agent" text,
	"request_id" text,
	"job_id" uuid,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "audit_logs_program_id_id_pk" PRIMARY KEY("program_id","id")
);
--> statement-breakpoint
CREATE TABLE "commission_entries" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"commission_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"partner_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"currency" text NOT NULL,
	"action" text NOT NULL,
	"amount_delta" numeric(14, 2) NOT NULL,
	"amount_after" numeric(14, 2) NOT NULL,
	"status_before" text,
	"status_after" text NOT NULL,
	"reason" text,
	"reason_code" text,
	"refund_id" uuid,
	"payout_id" uuid,
	"job_id" uuid,
	"actor" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "commission_entries_program_id_commission_id_version_pk" PRIMARY KEY("program_id","commission_id","version"),
	CONSTRAINT "commission_entries_kind_check" CHECK ("commission_entries"."kind" IN ('earning', 'clawback', 'bonus')),
	CONSTRAINT "commission_entries_currency_check" CHECK ("commission_entries"."currency" ~ '^[A-Z]{3}$'),
	CONSTRAINT "commission_entries_status_before_check" CHECK ("commission_entries"."status_before" IN ('pending', 'confirmed', 'paid', 'cancelled')),
	CONSTRAINT "commission_entries_status_after_check" CHECK ("commission_entries"."status_after" IN ('pending', 'confirmed', 'paid', 'cancelled')),
	CONSTRAINT "commission_entries_action_check" CHECK ("commission_entries"."action" IN ('created', 'confirmed', 'adjusted', 'held', 'released', 'refunded', 'cancelled', 'paid', 'clawed_back')),
	CONSTRAINT "commission_entries_reason_code_check" CHECK ("commission_entries"."reason_code" IN ('order_returned', 'order_cancelled', 'fraud', 'policy_violation', 'duplicate', 'tracking_error', 'negotiated', 'goodwill', 'other'))
);
--> statement-breakpoint
CREATE TABLE "commissions" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"kind" text DEFAULT 'earning' NOT NULL,
	"partner_id" uuid NOT NULL,
	"product_id" uuid,
	"policy_id" uuid,
	"policy_version" integer,
	"policy_type" text,
	"conversion_id" uuid,
	"original_commission_id" uuid,
	"order_id" text,
	"referral_code" text,
	"sub_id" text,
	"status" text NOT NULL,
	"commission_amount" numeric(14, 2) NOT NULL,
	"clawed_back_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"order_amount" numeric(14, 2) NOT NULL,
	"basis_amount" numeric(14, 2) NOT NULL,
	"basis_left" numeric(14, 2) NOT NULL,
	"commission_rate" numeric(9, 6),
	"currency" text NOT NULL,
	"hold_until" timestamp (3) with time zone,
	"review_hold" boolean DEFAULT false NOT NULL,
	"payment_method" text,
	"payment_reference" text,
	"payout_id" uuid,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"confirmed_at" timestamp (3) with time zone,
	"paid_at" timestamp (3) with time zone,
	"cancelled_at" timestamp (3) with time zone,
	"refunded_at" timestamp (3) with time zone,
	CONSTRAINT "commissions_program_id_id_pk" PRIMARY KEY("program_id","id"),
	CONSTRAINT "commissions_kind_check" CHECK ("commissions"."kind" IN ('earning', 'clawback', 'bonus')),
	CONSTRAINT "commissions_status_check" CHECK ("commissions"."status" IN ('pending', 'confirmed', 'paid', 'cancelled')),
	CONSTRAINT "commissions_currency_check" CHECK ("commissions"."currency" ~ '^[A-Z]{3}$'),
	CONSTRAINT "commissions_amount_check" CHECK (CASE "commissions"."kind" WHEN 'clawback' THEN "commissions"."commission_amount" < 0 WHEN 'bonus' THEN "commissions"."commission_amount" > 0 OR "commissions"."version" > 1 ELSE "commissions"."commission_amount" >= 0 END),
	CONSTRAINT "commissions_clawed_back_check" CHECK ("commissions"."clawed_back_amount" >= 0 AND "commissions"."clawed_back_amount" <= greatest("commissions"."commission_amount", 0)),
	CONSTRAINT "commissions_origin_check" CHECK (CASE "commissions"."kind" WHEN 'earning' THEN "commissions"."conversion_id" IS NOT NULL WHEN 'clawback' THEN "commissions"."original_commission_id" IS NOT NULL ELSE TRUE END),
	CONSTRAINT "commissions_paid_check" CHECK ("commissions"."status" <> 'paid' OR ("commissions"."paid_at" IS NOT NULL AND "commissions"."payment_method" IS NOT NULL AND "commissions"."payment_reference" IS NOT NULL))
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"principal" text NOT NULL,
	"method" text NOT NULL,
	"path" text NOT NULL,
	"key" text NOT NULL,
	"body_hash" text NOT NULL,
	"status" integer NOT NULL,
	"answer" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY("program_id","principal","method","path","key")
);
--> statement-breakpoint
CREATE TABLE "leases" (
	"name" text PRIMARY KEY NOT NULL,
	"holder" text NOT NULL,
	"token" bigint NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "payouts" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"partner_id" uuid NOT NULL,
	"currency" text NOT NULL,
	"amount" numeric(14, 2) NOT NULL,
	"method" text,
	"reference" text,
	"status" text DEFAULT 'open' NOT NULL,
	"period_from" timestamp (3) with time zone,
	"period_to" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "payouts_program_id_id_pk" PRIMARY KEY("program_id","id"),
	CONSTRAINT "payouts_currency_check" CHECK ("payouts"."currency" ~ '^[A-Z]{3}$'),
	CONSTRAINT "payouts_status_check" CHECK ("payouts"."status" IN ('open', 'paid', 'cancelled'))
);
--> statement-breakpoint
CREATE TABLE "consumed_events" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"consumer" text NOT NULL,
	"event_id" uuid NOT NULL,
	"consumed_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "consumed_events_program_id_consumer_event_id_pk" PRIMARY KEY("program_id","consumer","event_id")
);
--> statement-breakpoint
CREATE TABLE "dead_letters" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"stream" text NOT NULL,
	"consumer" text NOT NULL,
	"event_id" text,
	"event_type" text,
	"payload" jsonb NOT NULL,
	"reason" text NOT NULL,
	"deliveries" integer NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"replayed_at" timestamp (3) with time zone,
	CONSTRAINT "dead_letters_program_id_id_pk" PRIMARY KEY("program_id","id")
);
--> statement-breakpoint
CREATE TABLE "outbox_events" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"type" text NOT NULL,
	"subject" jsonb NOT NULL,
	"actor" jsonb NOT NULL,
	"request_id" text,
	"data" jsonb NOT NULL,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT date_trunc('milliseconds', now()) NOT NULL,
	"sent_at" timestamp (3) with time zone,
	CONSTRAINT "outbox_events_created_at_id_program_id_pk" PRIMARY KEY("created_at","id","program_id")
) PARTITION BY RANGE ("created_at");
--> statement-breakpoint
CREATE TABLE "stream_positions" (
	"stream" text PRIMARY KEY NOT NULL,
	"stream_created_at" timestamp (3) with time zone NOT NULL,
	"last_sequence" bigint NOT NULL,
	"observed_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"name" text NOT NULL,
	"prefix" text NOT NULL,
	"key_hash" text NOT NULL,
	"scopes" text[] NOT NULL,
	"partner_id" uuid,
	"created_by" uuid,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	"last_used_at" timestamp (3) with time zone,
	CONSTRAINT "api_keys_program_id_id_pk" PRIMARY KEY("program_id","id")
);
--> statement-breakpoint
CREATE TABLE "refresh_tokens" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"family_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"token_hash" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"used_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "refresh_tokens_program_id_id_pk" PRIMARY KEY("program_id","id")
);
--> statement-breakpoint
CREATE TABLE "settings" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"key" text NOT NULL,
	"value" jsonb NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "settings_program_id_key_pk" PRIMARY KEY("program_id","key")
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"email" text NOT NULL,
	"name" text NOT NULL,
	"role" text NOT NULL,
	"partner_id" uuid,
	"password_hash" text NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"last_login_at" timestamp (3) with time zone,
	CONSTRAINT "users_role_check" CHECK ("users"."role" IN ('super_admin', 'admin', 'finance', 'viewer', 'partner')),
	CONSTRAINT "users_status_check" CHECK ("users"."status" IN ('active', 'disabled')),
	CONSTRAINT "users_partner_check" CHECK (("users"."role" = 'partner') = ("users"."partner_id" IS NOT NULL))
);
--> statement-breakpoint
CREATE TABLE "job_results" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"job_id" uuid NOT NULL,
	"item_id" text NOT NULL,
	"success" boolean NOT NULL,
	"code" text,
	"detail" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "job_results_program_id_job_id_item_id_pk" PRIMARY KEY("program_id","job_id","item_id")
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"name" text NOT NULL,
	"trigger" text NOT NULL,
	"scheduled_for" timestamp (3) with time zone,
	"parameters" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"actor" jsonb NOT NULL,
	"status" text DEFAULT 'queued' NOT NULL,
	"lease_holder" text,
	"lease_token" bigint DEFAULT 0 NOT NULL,
	"lease_until" timestamp (3) with time zone,
	"checkpoint" jsonb,
	"total" integer,
	"succeeded" integer DEFAULT 0 NOT NULL,
	"failed" integer DEFAULT 0 NOT NULL,
	"skipped" integer DEFAULT 0 NOT NULL,
	"stats" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"error" text,
	"cancel_requested" boolean DEFAULT false NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "jobs_program_id_id_pk" PRIMARY KEY("program_id","id"),
	CONSTRAINT "jobs_trigger_check" CHECK ("jobs"."trigger" IN ('schedule', 'manual', 'catch_up', 'api')),
	CONSTRAINT "jobs_status_check" CHECK ("jobs"."status" IN ('queued', 'running', 'succeeded', 'failed', 'cancelled'))
);
--> statement-breakpoint
CREATE TABLE "routing_weights" (
	"service" text NOT NULL,
	"release" text NOT NULL,
	"url" text NOT NULL,
	"weight" integer NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "routing_weights_service_release_pk" PRIMARY KEY("service","release"),
	CONSTRAINT "routing_weights_release_check" CHECK ("routing_weights"."release" IN ('stable', 'canary')),
	CONSTRAINT "routing_weights_weight_check" CHECK ("routing_weights"."weight" BETWEEN 0 AND 100)
);
--> statement-breakpoint
CREATE TABLE "rollup_click_hours" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"hour" timestamp (3) with time zone NOT NULL,
	"partner_id" uuid NOT NULL,
	"valid_clicks" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "rollup_click_hours_program_id_hour_partner_id_pk" PRIMARY KEY("program_id","hour","partner_id")
);
--> statement-breakpoint
CREATE TABLE "rollup_partner_days" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"day" timestamp (3) with time zone NOT NULL,
	"partner_id" uuid NOT NULL,
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
	"paid_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"clawed_back_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"bonus_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	CONSTRAINT "rollup_partner_days_program_id_currency_day_partner_id_pk" PRIMARY KEY("program_id","currency","day","partner_id")
);
--> statement-breakpoint
CREATE TABLE "rollup_partner_hours" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"hour" timestamp (3) with time zone NOT NULL,
	"partner_id" uuid NOT NULL,
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
	"paid_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"clawed_back_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"bonus_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	CONSTRAINT "rollup_partner_hours_program_id_currency_hour_partner_id_pk" PRIMARY KEY("program_id","currency","hour","partner_id")
);
--> statement-breakpoint
CREATE TABLE "rollup_policy_hours" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"hour" timestamp (3) with time zone NOT NULL,
	"policy_id" uuid NOT NULL,
	"currency" text NOT NULL,
	"pending_count" integer DEFAULT 0 NOT NULL,
	"confirmed_count" integer DEFAULT 0 NOT NULL,
	"paid_count" integer DEFAULT 0 NOT NULL,
	"cancelled_count" integer DEFAULT 0 NOT NULL,
	"refund_count" integer DEFAULT 0 NOT NULL,
	"earnings_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"earnings_order_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	CONSTRAINT "rollup_policy_hours_program_id_currency_hour_policy_id_pk" PRIMARY KEY("program_id","currency","hour","policy_id")
);
--> statement-breakpoint
CREATE TABLE "rollup_product_hours" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"hour" timestamp (3) with time zone NOT NULL,
	"product_id" uuid NOT NULL,
	"currency" text NOT NULL,
	"conversions" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "rollup_product_hours_program_id_currency_hour_product_id_pk" PRIMARY KEY("program_id","currency","hour","product_id")
);
--> statement-breakpoint
CREATE TABLE "conversion_events" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"order_row_id" uuid NOT NULL,
	"order_line_id" uuid NOT NULL,
	"order_id" text NOT NULL,
	"partner_id" uuid NOT NULL,
	"product_id" uuid NOT NULL,
	"click_id" uuid,
	"referral_code" text,
	"sub_id" text,
	"attribution_model" text NOT NULL,
	"attribution_weight" numeric(7, 6) NOT NULL,
	"attribution_path" jsonb NOT NULL,
	"is_primary" boolean NOT NULL,
	"order_amount" numeric(14, 2) NOT NULL,
	"attributed_amount" numeric(14, 2) NOT NULL,
	"quantity" integer NOT NULL,
	"currency" text NOT NULL,
	"refunded_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"is_new_customer" boolean NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"idempotency_key" text NOT NULL,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"no_commission_reason" text,
	"version" integer DEFAULT 1 NOT NULL,
	"clicked_at" timestamp (3) with time zone,
	"converted_at" timestamp (3) with time zone NOT NULL,
	"confirmed_at" timestamp (3) with time zone,
	"cancelled_at" timestamp (3) with time zone,
	"refunded_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "conversion_events_program_id_id_pk" PRIMARY KEY("program_id","id"),
	CONSTRAINT "conversion_events_status_check" CHECK ("conversion_events"."status" IN ('pending', 'confirmed', 'partial_refund', 'refunded', 'cancelled')),
	CONSTRAINT "conversion_events_model_check" CHECK ("conversion_events"."attribution_model" IN ('last_touch', 'first_touch', 'linear', 'time_decay', 'position_based')),
	CONSTRAINT "conversion_events_weight_check" CHECK ("conversion_events"."attribution_weight" > 0 AND "conversion_events"."attribution_weight" <= 1),
	CONSTRAINT "conversion_events_currency_check" CHECK ("conversion_events"."currency" ~ '^[A-Z]{3}$'),
	CONSTRAINT "conversion_events_amounts_check" CHECK ("conversion_events"."order_amount" > 0 AND "conversion_events"."attributed_amount" >= 0 AND "conversion_events"."refunded_amount" >= 0 AND "conversion_events"."refunded_amount" <= "conversion_events"."order_amount")
);
--> statement-breakpoint
CREATE TABLE "customers" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"ref_hash" text NOT NULL,
	"first_order_at" timestamp (3) with time zone NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "customers_program_id_id_pk" PRIMARY KEY("program_id","id")
);
--> statement-breakpoint
CREATE TABLE "order_lines" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"order_id" uuid NOT NULL,
	"product_id" uuid NOT NULL,
	"quantity" integer DEFAULT 1 NOT NULL,
	"amount" numeric(14, 2) NOT NULL,
	"commissionable_amount" numeric(14, 2) NOT NULL,
	"refunded_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "order_lines_program_id_id_pk" PRIMARY KEY("program_id","id"),
	CONSTRAINT "order_lines_quantity_check" CHECK ("order_lines"."quantity" > 0),
	CONSTRAINT "order_lines_amount_check" CHECK ("order_lines"."amount" > 0 AND "order_lines"."refunded_amount" BETWEEN 0 AND "order_lines"."amount"),
	CONSTRAINT "order_lines_commissionable_check" CHECK ("order_lines"."commissionable_amount" BETWEEN 0 AND "order_lines"."amount")
);
--> statement-breakpoint
CREATE TABLE "orders" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"external_id" text NOT NULL,
	"customer_id" uuid,
	"is_new_customer" boolean DEFAULT false NOT NULL,
	"currency" text NOT NULL,
	"amount" numeric(14, 2) NOT NULL,
	"refunded_amount" numeric(14, 2) DEFAULT '0' NOT NULL,
	"attribution" jsonb NOT NULL,
	"placed_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "orders_program_id_id_pk" PRIMARY KEY("program_id","id"),
	CONSTRAINT "orders_currency_check" CHECK ("orders"."currency" ~ '^[A-Z]{3}$'),
	CONSTRAINT "orders_amount_check" CHECK ("orders"."amount" > 0 AND "orders"."refunded_amount" BETWEEN 0 AND "orders"."amount")
);
--> statement-breakpoint
CREATE TABLE "referral_clicks" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"partner_id" uuid,
	"product_id" uuid,
	"referral_code" text NOT NULL,
	"sub_id" text,
	"landing_url" text,
	"referrer" text,
	"utm_source" text,
	"utm_medium" text,
	"utm_campaign" text,
	"source" text DEFAULT 'unknown' NOT NULL,
	"status" text NOT NULL,
	"visitor_hash" text,
	"fingerprint_hash" text,
	"ip_anonymized" text,
	"user_agent" text,
	"clicked_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "referral_clicks_clicked_at_id_program_id_pk" PRIMARY KEY("clicked_at","id","program_id"),
	CONSTRAINT "referral_clicks_status_check" CHECK ("referral_clicks"."status" IN ('valid', 'duplicate', 'bot', 'internal', 'rate_limited', 'invalid')),
	CONSTRAINT "referral_clicks_source_check" CHECK ("referral_clicks"."source" IN ('web', 'mobile', 'app', 'email', 'social', 'unknown')),
	CONSTRAINT "referral_clicks_partner_check" CHECK ("referral_clicks"."partner_id" IS NOT NULL OR "referral_clicks"."status" <> 'valid')
) PARTITION BY RANGE ("clicked_at");
--> statement-breakpoint
CREATE TABLE "refunds" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"order_row_id" uuid NOT NULL,
	"order_line_id" uuid NOT NULL,
	"refund_id" text,
	"amount" numeric(14, 2) NOT NULL,
	"currency" text NOT NULL,
	"reason" text NOT NULL,
	"reason_code" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "refunds_program_id_id_pk" PRIMARY KEY("program_id","id"),
	CONSTRAINT "refunds_amount_check" CHECK ("refunds"."amount" > 0),
	CONSTRAINT "refunds_currency_check" CHECK ("refunds"."currency" ~ '^[A-Z]{3}$')
);
--> statement-breakpoint
CREATE TABLE "webhook_attempts" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"delivery_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"attempted_at" timestamp (3) with time zone NOT NULL,
	"duration_ms" integer NOT NULL,
	"status_code" integer,
	"error" text,
	"response_excerpt" text,
	"next_attempt_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_attempts_program_id_delivery_id_attempt_pk" PRIMARY KEY("program_id","delivery_id","attempt")
);
--> statement-breakpoint
CREATE TABLE "webhook_deliveries" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"partner_id" uuid NOT NULL,
	"event_id" uuid NOT NULL,
	"event_type" text NOT NULL,
	"body" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"round_start" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp (3) with time zone,
	"claim_token" bigint DEFAULT 0 NOT NULL,
	"claimed_until" timestamp (3) with time zone,
	"last_status_code" integer,
	"last_error" text,
	"last_duration_ms" integer,
	"last_attempt_at" timestamp (3) with time zone,
	"last_response_excerpt" text,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"delivered_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_deliveries_program_id_id_pk" PRIMARY KEY("program_id","id"),
	CONSTRAINT "webhook_deliveries_status_check" CHECK ("webhook_deliveries"."status" IN ('pending', 'delivered', 'failed'))
);
--> statement-breakpoint
CREATE TABLE "webhook_dispatchers" (
	"holder" text PRIMARY KEY NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"seen_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "webhook_endpoints" (
	"id" uuid NOT NULL,
	"program_id" text DEFAULT 'default' NOT NULL,
	"partner_id" uuid NOT NULL,
	"url" text NOT NULL,
	"event_types" text[] DEFAULT '{}' NOT NULL,
	"description" text,
	"status" text DEFAULT 'enabled' NOT NULL,
	"secret_ciphertext" text NOT NULL,
	"previous_secrets" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"rate_limit_per_second" integer DEFAULT 100 NOT NULL,
	"retry_delays_seconds" integer[],
	"lane" text DEFAULT 'main' NOT NULL,
	"consecutive_failures" integer DEFAULT 0 NOT NULL,
	"failing_since" timestamp (3) with time zone,
	"circuit_state" text DEFAULT 'closed' NOT NULL,
	"circuit_open_until" timestamp (3) with time zone,
	"disabled_reason" text,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_endpoints_program_id_id_pk" PRIMARY KEY("program_id","id"),
	CONSTRAINT "webhook_endpoints_status_check" CHECK ("webhook_endpoints"."status" IN ('enabled', 'disabled', 'auto_disabled')),
	CONSTRAINT "webhook_endpoints_circuit_check" CHECK ("webhook_endpoints"."circuit_state" IN ('closed', 'open', 'half_open')),
	CONSTRAINT "webhook_endpoints_lane_check" CHECK ("webhook_endpoints"."lane" IN ('main', 'slow')),
	CONSTRAINT "webhook_endpoints_rate_check" CHECK ("webhook_endpoints"."rate_limit_per_second" BETWEEN 1 AND 1000)
);
--> statement-breakpoint
ALTER TABLE "commission_policy_versions" ADD CONSTRAINT "commission_policy_versions_policy_id_fkey" FOREIGN KEY ("program_id","policy_id") REFERENCES "public"."commission_policies"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "commission_policy_versions" ADD CONSTRAINT "commission_policy_versions_partner_id_fkey" FOREIGN KEY ("program_id","partner_id") REFERENCES "public"."partners"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "commission_policy_versions" ADD CONSTRAINT "commission_policy_versions_product_id_fkey" FOREIGN KEY ("program_id","product_id") REFERENCES "public"."products"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "policy_usage" ADD CONSTRAINT "policy_usage_policy_id_fkey" FOREIGN KEY ("program_id","policy_id") REFERENCES "public"."commission_policies"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "policy_usage" ADD CONSTRAINT "policy_usage_partner_id_fkey" FOREIGN KEY ("program_id","partner_id") REFERENCES "public"."partners"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "referral_codes" ADD CONSTRAINT "referral_codes_partner_id_fkey" FOREIGN KEY ("program_id","partner_id") REFERENCES "public"."partners"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_logs" ADD CONSTRAINT "audit_logs_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "commission_entries" ADD CONSTRAINT "commission_entries_commission_id_fkey" FOREIGN KEY ("program_id","commission_id") REFERENCES "public"."commissions"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "commissions" ADD CONSTRAINT "commissions_partner_id_fkey" FOREIGN KEY ("program_id","partner_id") REFERENCES "public"."partners"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "commissions" ADD CONSTRAINT "commissions_product_id_fkey" FOREIGN KEY ("program_id","product_id") REFERENCES "public"."products"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "commissions" ADD CONSTRAINT "commissions_policy_id_fkey" FOREIGN KEY ("program_id","policy_id") REFERENCES "public"."commission_policies"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "commissions" ADD CONSTRAINT "commissions_conversion_id_fkey" FOREIGN KEY ("program_id","conversion_id") REFERENCES "public"."conversion_events"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "commissions" ADD CONSTRAINT "commissions_original_commission_id_fkey" FOREIGN KEY ("program_id","original_commission_id") REFERENCES "public"."commissions"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "commissions" ADD CONSTRAINT "commissions_payout_id_fkey" FOREIGN KEY ("program_id","payout_id") REFERENCES "public"."payouts"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payouts" ADD CONSTRAINT "payouts_partner_id_fkey" FOREIGN KEY ("program_id","partner_id") REFERENCES "public"."partners"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_partner_id_fkey" FOREIGN KEY ("program_id","partner_id") REFERENCES "public"."partners"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refresh_tokens" ADD CONSTRAINT "refresh_tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "users" ADD CONSTRAINT "users_partner_id_fkey" FOREIGN KEY ("program_id","partner_id") REFERENCES "public"."partners"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "job_results" ADD CONSTRAINT "job_results_job_id_fkey" FOREIGN KEY ("program_id","job_id") REFERENCES "public"."jobs"("program_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversion_events" ADD CONSTRAINT "conversion_events_order_row_id_fkey" FOREIGN KEY ("program_id","order_row_id") REFERENCES "public"."orders"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversion_events" ADD CONSTRAINT "conversion_events_order_line_id_fkey" FOREIGN KEY ("program_id","order_line_id") REFERENCES "public"."order_lines"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversion_events" ADD CONSTRAINT "conversion_events_partner_id_fkey" FOREIGN KEY ("program_id","partner_id") REFERENCES "public"."partners"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversion_events" ADD CONSTRAINT "conversion_events_product_id_fkey" FOREIGN KEY ("program_id","product_id") REFERENCES "public"."products"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "order_lines" ADD CONSTRAINT "order_lines_order_id_fkey" FOREIGN KEY ("program_id","order_id") REFERENCES "public"."orders"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "order_lines" ADD CONSTRAINT "order_lines_product_id_fkey" FOREIGN KEY ("program_id","product_id") REFERENCES "public"."products"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_customer_id_fkey" FOREIGN KEY ("program_id","customer_id") REFERENCES "public"."customers"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_order_row_id_fkey" FOREIGN KEY ("program_id","order_row_id") REFERENCES "public"."orders"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_order_line_id_fkey" FOREIGN KEY ("program_id","order_line_id") REFERENCES "public"."order_lines"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_attempts" ADD CONSTRAINT "webhook_attempts_delivery_id_fkey" FOREIGN KEY ("program_id","delivery_id") REFERENCES "public"."webhook_deliveries"("program_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_endpoint_id_fkey" FOREIGN KEY ("program_id","endpoint_id") REFERENCES "public"."webhook_endpoints"("program_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_partner_id_fkey" FOREIGN KEY ("program_id","partner_id") REFERENCES "public"."partners"("program_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "commission_policies_code_key" ON "commission_policies" USING btree ("program_id","code");--> statement-breakpoint
CREATE INDEX "commission_policies_created" ON "commission_policies" USING btree ("program_id","created_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "partners_email_key" ON "partners" USING btree ("program_id",lower("email"));--> statement-breakpoint
CREATE UNIQUE INDEX "partners_external_id_key" ON "partners" USING btree ("program_id","external_id");--> statement-breakpoint
CREATE INDEX "partners_created" ON "partners" USING btree ("program_id","created_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "policy_usage_total_key" ON "policy_usage" USING btree ("program_id","policy_id") WHERE "policy_usage"."partner_id" IS NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "policy_usage_partner_key" ON "policy_usage" USING btree ("program_id","policy_id","partner_id") WHERE "policy_usage"."partner_id" IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "products_sku_key" ON "products" USING btree ("program_id","sku");--> statement-breakpoint
CREATE INDEX "products_created" ON "products" USING btree ("program_id","created_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "referral_codes_code_key" ON "referral_codes" USING btree ("program_id",lower("code"));--> statement-breakpoint
CREATE UNIQUE INDEX "referral_codes_default_key" ON "referral_codes" USING btree ("program_id","partner_id") WHERE "referral_codes"."is_default";--> statement-breakpoint
CREATE INDEX "IDX_audit_logs_entity" ON "audit_logs" USING btree ("entity_type","entity_id");--> statement-breakpoint
CREATE INDEX "IDX_audit_logs_user" ON "audit_logs" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "IDX_audit_logs_created" ON "audit_logs" USING btree ("created_at" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "IDX_audit_logs_action" ON "audit_logs" USING btree ("action");--> statement-breakpoint
CREATE INDEX "commission_entries_partner" ON "commission_entries" USING btree ("program_id","partner_id","at");--> statement-breakpoint
CREATE UNIQUE INDEX "commissions_conversion_key" ON "commissions" USING btree ("program_id","conversion_id") WHERE "commissions"."kind" = 'earning';--> statement-breakpoint
CREATE INDEX "commissions_created" ON "commissions" USING btree ("program_id","created_at","id");--> statement-breakpoint
CREATE INDEX "commissions_partner" ON "commissions" USING btree ("program_id","partner_id","created_at","id");--> statement-breakpoint
CREATE INDEX "commissions_policy" ON "commissions" USING btree ("program_id","policy_id","created_at","id");--> statement-breakpoint
CREATE INDEX "commissions_status" ON "commissions" USING btree ("program_id","status","created_at","id");--> statement-breakpoint
CREATE INDEX "commissions_kind" ON "commissions" USING btree ("program_id","kind","created_at","id") WHERE "commissions"."kind" <> 'earning';--> statement-breakpoint
CREATE INDEX "commissions_amount" ON "commissions" USING btree ("program_id","commission_amount","id");--> statement-breakpoint
CREATE INDEX "commissions_confirmed" ON "commissions" USING btree ("program_id","confirmed_at","id") WHERE "commissions"."confirmed_at" IS NOT NULL;--> statement-breakpoint
CREATE INDEX "commissions_paid" ON "commissions" USING btree ("program_id","paid_at","id") WHERE "commissions"."paid_at" IS NOT NULL;--> statement-breakpoint
CREATE INDEX "commissions_partner_paid" ON "commissions" USING btree ("program_id","partner_id","paid_at") WHERE "commissions"."paid_at" IS NOT NULL;--> statement-breakpoint
CREATE INDEX "commissions_due" ON "commissions" USING btree ("program_id","hold_until","id") WHERE "commissions"."status" = 'pending' AND NOT "commissions"."review_hold";--> statement-breakpoint
CREATE INDEX "commissions_original" ON "commissions" USING btree ("program_id","original_commission_id") WHERE "commissions"."original_commission_id" IS NOT NULL;--> statement-breakpoint
CREATE INDEX "commissions_order_id_search" ON "commissions" USING gin ("order_id" gin_trgm_ops);--> statement-breakpoint
CREATE INDEX "commissions_referral_code_search" ON "commissions" USING gin ("referral_code" gin_trgm_ops);--> statement-breakpoint
CREATE INDEX "idempotency_keys_created" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "consumed_events_consumed_at" ON "consumed_events" USING btree ("consumed_at");--> statement-breakpoint
CREATE INDEX "dead_letters_created" ON "dead_letters" USING btree ("program_id","created_at","id");--> statement-breakpoint
CREATE INDEX "outbox_events_unsent" ON "outbox_events" USING btree ("created_at","id") WHERE "outbox_events"."sent_at" IS NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "api_keys_hash_key" ON "api_keys" USING btree ("program_id","key_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "refresh_tokens_hash_key" ON "refresh_tokens" USING btree ("program_id","token_hash");--> statement-breakpoint
CREATE INDEX "refresh_tokens_family" ON "refresh_tokens" USING btree ("program_id","family_id");--> statement-breakpoint
CREATE INDEX "refresh_tokens_user" ON "refresh_tokens" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "refresh_tokens_expiry" ON "refresh_tokens" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "users_email_key" ON "users" USING btree ("program_id",lower("email"));--> statement-breakpoint
CREATE UNIQUE INDEX "jobs_schedule_key" ON "jobs" USING btree ("program_id","name","scheduled_for") WHERE "jobs"."scheduled_for" IS NOT NULL;--> statement-breakpoint
CREATE INDEX "jobs_open" ON "jobs" USING btree ("created_at","id") WHERE "jobs"."status" IN ('queued', 'running');--> statement-breakpoint
CREATE INDEX "jobs_created" ON "jobs" USING btree ("program_id","created_at","id");--> statement-breakpoint
CREATE INDEX "jobs_name" ON "jobs" USING btree ("program_id","name","created_at","id");--> statement-breakpoint
CREATE INDEX "rollup_click_hours_partner" ON "rollup_click_hours" USING btree ("program_id","partner_id","hour");--> statement-breakpoint
CREATE INDEX "rollup_partner_days_partner" ON "rollup_partner_days" USING btree ("program_id","partner_id","currency","day");--> statement-breakpoint
CREATE INDEX "rollup_partner_hours_partner" ON "rollup_partner_hours" USING btree ("program_id","partner_id","currency","hour");--> statement-breakpoint
CREATE UNIQUE INDEX "conversion_events_idempotency_key" ON "conversion_events" USING btree ("program_id","idempotency_key");--> statement-breakpoint
CREATE UNIQUE INDEX "conversion_events_line_partner_key" ON "conversion_events" USING btree ("program_id","order_line_id","partner_id");--> statement-breakpoint
CREATE INDEX "conversion_events_converted" ON "conversion_events" USING btree ("program_id","converted_at","id");--> statement-breakpoint
CREATE INDEX "conversion_events_partner" ON "conversion_events" USING btree ("program_id","partner_id","converted_at","id");--> statement-breakpoint
CREATE INDEX "conversion_events_product" ON "conversion_events" USING btree ("program_id","product_id","converted_at","id");--> statement-breakpoint
CREATE INDEX "conversion_events_order" ON "conversion_events" USING btree ("program_id","order_id");--> statement-breakpoint
CREATE UNIQUE INDEX "customers_ref_hash_key" ON "customers" USING btree ("program_id","ref_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "order_lines_product_key" ON "order_lines" USING btree ("program_id","order_id","product_id");--> statement-breakpoint
CREATE UNIQUE INDEX "orders_external_id_key" ON "orders" USING btree ("program_id","external_id");--> statement-breakpoint
CREATE INDEX "orders_customer" ON "orders" USING btree ("program_id","customer_id","placed_at");--> statement-breakpoint
CREATE INDEX "referral_clicks_id" ON "referral_clicks" USING btree ("id");--> statement-breakpoint
CREATE INDEX "referral_clicks_partner" ON "referral_clicks" USING btree ("program_id","partner_id","clicked_at","id");--> statement-breakpoint
CREATE INDEX "referral_clicks_visitor" ON "referral_clicks" USING btree ("program_id","visitor_hash","clicked_at") WHERE "referral_clicks"."visitor_hash" IS NOT NULL;--> statement-breakpoint
CREATE INDEX "referral_clicks_fingerprint" ON "referral_clicks" USING btree ("program_id","fingerprint_hash","clicked_at") WHERE "referral_clicks"."fingerprint_hash" IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "refunds_refund_id_key" ON "refunds" USING btree ("program_id","order_row_id","refund_id");--> statement-breakpoint
CREATE INDEX "refunds_line" ON "refunds" USING btree ("program_id","order_line_id");--> statement-breakpoint
CREATE UNIQUE INDEX "webhook_deliveries_event_key" ON "webhook_deliveries" USING btree ("program_id","event_id","endpoint_id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_due" ON "webhook_deliveries" USING btree ("program_id","endpoint_id","next_attempt_at","id") WHERE "webhook_deliveries"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "webhook_deliveries_endpoint" ON "webhook_deliveries" USING btree ("program_id","endpoint_id","created_at","id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_partner" ON "webhook_deliveries" USING btree ("program_id","partner_id","created_at","id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_created" ON "webhook_deliveries" USING btree ("program_id","created_at","id");--> statement-breakpoint
CREATE INDEX "webhook_endpoints_partner" ON "webhook_endpoints" USING btree ("program_id","partner_id","created_at");