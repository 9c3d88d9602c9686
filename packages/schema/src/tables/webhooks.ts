import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import {
  CIRCUIT_STATES,
  DELIVERY_STATUSES,
  ENDPOINT_STATUSES,
  type CircuitState,
  type DeliveryStatus,
  type EndpointStatus,
} from '../constants.ts';
import { partners } from './catalog.ts';
import { createdAt, id, isOneOf, moment, programId, updatedAt } from './columns.ts';

const ENDPOINT_LANES = ['main', 'slow'] as const;
export type EndpointLane = (typeof ENDPOINT_LANES)[number];

/** A rotated secret that still signs until it expires. */
export interface PreviousSecret {
  ciphertext: string;
  expiresAt: string;
}

export const webhookEndpoints = pgTable(
  'webhook_endpoints',
  {
    id: id(),
    programId: programId(),
    partnerId: uuid('partner_id').notNull(),
    url: text('url').notNull(),
    /** Empty: every type. */
    eventTypes: text('event_types').array().notNull().default([]),
    description: text('description'),
    status: text('status').$type<EndpointStatus>().notNull().default('enabled'),
    /** `keyId:iv:tag:ciphertext`, encrypted with the platform's key. */
    secretCiphertext: text('secret_ciphertext').notNull(),
    previousSecrets: jsonb('previous_secrets').$type<PreviousSecret[]>().notNull().default([]),
    rateLimitPerSecond: integer('rate_limit_per_second').notNull().default(100),
    /** Seconds before the second, third, ... attempt; null: the platform's schedule. */
    retryDelaysSeconds: integer('retry_delays_seconds').array(),
    /** Slow and failing endpoints share a small lane of their own, so that they delay nobody else. */
    lane: text('lane').$type<EndpointLane>().notNull().default('main'),
    consecutiveFailures: integer('consecutive_failures').notNull().default(0),
    failingSince: moment('failing_since'),
    circuitState: text('circuit_state').$type<CircuitState>().notNull().default('closed'),
    circuitOpenUntil: moment('circuit_open_until'),
    disabledReason: text('disabled_reason'),
    version: integer('version').notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    /** Deleted endpoints keep their row, so that the history of their deliveries stays readable. */
    deletedAt: moment('deleted_at'),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    index('webhook_endpoints_partner').on(t.programId, t.partnerId, t.createdAt),
    foreignKey({
      name: 'webhook_endpoints_partner_id_fkey',
      columns: [t.programId, t.partnerId],
      foreignColumns: [partners.programId, partners.id],
    }),
    check('webhook_endpoints_status_check', isOneOf(t.status, ENDPOINT_STATUSES)),
    check('webhook_endpoints_circuit_check', isOneOf(t.circuitState, CIRCUIT_STATES)),
    check('webhook_endpoints_lane_check', isOneOf(t.lane, ENDPOINT_LANES)),
    check('webhook_endpoints_rate_check', sql`${t.rateLimitPerSecond} BETWEEN 1 AND 1000`),
  ],
);

/** One event for one endpoint: the schedule of its attempts and the outcome of the first. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: id(),
    programId: programId(),
    endpointId: uuid('endpoint_id').notNull(),
    partnerId: uuid('partner_id').notNull(),
    eventId: uuid('event_id').notNull(),
    eventType: text('event_type').notNull(),
    /** The exact bytes that are signed and sent, the same for every attempt. */
    body: text('body').notNull(),
    status: text('status').$type<DeliveryStatus>().notNull().default('pending'),
    attempts: integer('attempts').notNull().default(0),
    /** How many attempts were made before the present round; a retry or recovery begins a new one. */
    roundStart: integer('round_start').notNull().default(0),
    nextAttemptAt: moment('next_attempt_at'),
    /** A claim is a lease: until when, and the token that a late writer no longer has. */
    claimToken: bigint('claim_token', { mode: 'bigint' })
      .notNull()
      .default(sql`0`),
    claimedUntil: moment('claimed_until'),
    lastStatusCode: integer('last_status_code'),
    lastError: text('last_error'),
    lastDurationMs: integer('last_duration_ms'),
    lastAttemptAt: moment('last_attempt_at'),
    lastResponseExcerpt: text('last_response_excerpt'),
    occurredAt: moment('occurred_at').notNull(),
    createdAt: createdAt(),
    deliveredAt: moment('delivered_at'),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('webhook_deliveries_event_key').on(t.programId, t.eventId, t.endpointId),
    index('webhook_deliveries_due')
      .on(t.programId, t.endpointId, t.nextAttemptAt, t.id)
      .where(sql`${t.status} = 'pending'`),
    index('webhook_deliveries_endpoint').on(t.programId, t.endpointId, t.createdAt, t.id),
    index('webhook_deliveries_partner').on(t.programId, t.partnerId, t.createdAt, t.id),
    // Lists of what failed; those that were delivered, nearly all, are not in it and cost it nothing.
    index('webhook_deliveries_failed')
      .on(t.programId, t.createdAt, t.id)
      .where(sql`${t.status} = 'failed'`),
    index('webhook_deliveries_created').on(t.programId, t.createdAt, t.id),
    index('webhook_deliveries_type').on(t.programId, t.eventType, t.createdAt, t.id),
    foreignKey({
      name: 'webhook_deliveries_endpoint_id_fkey',
      columns: [t.programId, t.endpointId],
      foreignColumns: [webhookEndpoints.programId, webhookEndpoints.id],
    }).onDelete('cascade'),
    check('webhook_deliveries_status_check', isOneOf(t.status, DELIVERY_STATUSES)),
  ],
);

/** Every attempt beyond a first that succeeded. */
export const webhookAttempts = pgTable(
  'webhook_attempts',
  {
    programId: programId(),
    deliveryId: uuid('delivery_id').notNull(),
    attempt: integer('attempt').notNull(),
    attemptedAt: moment('attempted_at').notNull(),
    durationMs: integer('duration_ms').notNull(),
    statusCode: integer('status_code'),
    error: text('error'),
    responseExcerpt: text('response_excerpt'),
    nextAttemptAt: moment('next_attempt_at'),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.deliveryId, t.attempt] }),
    foreignKey({
      name: 'webhook_attempts_delivery_id_fkey',
      columns: [t.programId, t.deliveryId],
      foreignColumns: [webhookDeliveries.programId, webhookDeliveries.id],
    }).onDelete('cascade'),
  ],
);

/** The dispatchers that are alive: each takes its share of a rate that holds over all of them. */
export const webhookDispatchers = pgTable('webhook_dispatchers', {
  holder: text('holder').primaryKey(),
  startedAt: moment('started_at').notNull(),
  seenAt: moment('seen_at').notNull(),
});
