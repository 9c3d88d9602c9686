import { newId, readPolicies, type CommandContext, type PolicySource } from '@tributary/commissions';
import { createKeySet, type KeySet } from '@tributary/rollups';
import type { Database } from '@tributary/schema';

import { textOf } from '../bigint-reference.ts';
import type { PartnerBalances } from './balances.ts';
import { DECIMALS, newState, PARTNERS, RATE, type Currency, type ModelState } from './state.ts';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 1);

/** A moment of the model: its days begin at midnight UTC, so that each is one hour of the rollups. */
export const dateOf = (day: number): Date => new Date(START + day * DAY_MS);

export interface Programme {
  readonly db: Database;
  readonly programId: string;
  readonly partners: readonly string[];
  readonly products: readonly string[];
  readonly policyId: string;
  /** Before its first row was written. */
  readonly since: Date;
  /** What the rollups have yet to take over, and the events that said so. */
  readonly seenEvents: Set<string>;
  readonly dirty: KeySet;
  /** What partners had at the ends of past days. */
  readonly pastBalances: { readonly day: number; readonly balances: PartnerBalances }[];
  state: ModelState;
  orders: number;
}

const CREATE = `
  WITH partner AS (INSERT INTO partners (id, program_id, name, email) SELECT id, $1, 'P', id::text FROM unnest($2::uuid[]) AS id),
    product AS (INSERT INTO products (id, program_id, sku, name, price, currency)
      SELECT id, $1, id::text, 'P', 1, 'USD' FROM unnest($3::uuid[]) AS id),
    policy AS (INSERT INTO commission_policies (id, program_id, code, name) VALUES ($4, $1, 'all', 'All'))
  INSERT INTO commission_policy_versions (program_id, policy_id, version, type, rate, hold_days, effective_from)
  VALUES ($1, $4, 1, 'percentage', $5, $6, '2020-01-01')`;

/** An empty programme of its own in the database. */
export async function openProgramme(db: Database): Promise<Programme> {
  const programId = newId();
  const partners = Array.from({ length: PARTNERS }, newId);
  const products = [newId(), newId()];
  const policyId = newId();
  const since = new Date(Date.now() - 1_000);
  await db.query(CREATE, [programId, partners, products, policyId, RATE.percent, RATE.holdDays]);
  const books = { seenEvents: new Set<string>(), dirty: createKeySet(), pastBalances: [] };
  return { db, programId, partners, products, policyId, since, ...books, state: newState(), orders: 0 };
}

/** Each of several actors has a name, so that what they did can be told apart. */
export const contextOf = ({ programId, state }: Programme, actor = 0): CommandContext => ({
  programId,
  actor: { kind: 'system', id: null, name: `system:model-${actor}` },
  requestId: null,
  ipAddress: null,
  userAgent: null,
  now: dateOf(state.day),
});

export function depsOf({ db }: Pick<Programme, 'db'>) {
  const policies: PolicySource = { current: (id) => readPolicies(db, id), forget: () => undefined };
  return { db, policies, publish: () => undefined };
}

/** As numeric(14,2) has it. */
export const stored = (units: bigint, currency: Currency): string => {
  const text = textOf(units, DECIMALS[currency]);
  return DECIMALS[currency] === 0 ? `${text}.00` : text;
};

export const wire = (units: bigint, currency: Currency): number => Number(stored(units, currency));
