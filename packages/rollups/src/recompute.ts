import type { Database } from '@tributary/schema';
import type { KeySet, Rollup, RollupKey } from './rollup-keys.ts';

/** The functions of the migration `rollup_recompute`; what a figure is, is written there. */
const RECOMPUTE: Record<Rollup, string> = {
  partner_conversions: 'SELECT recompute_partner_conversions($1, $2::timestamptz[], $3::uuid[])',
  partner_commissions: 'SELECT recompute_partner_commissions($1, $2::timestamptz[], $3::uuid[])',
  policies: 'SELECT recompute_policies($1, $2::timestamptz[], $3::uuid[])',
  products: 'SELECT recompute_products($1, $2::timestamptz[], $3::uuid[])',
  clicks: 'SELECT recompute_clicks($1, $2::timestamptz[], $3::uuid[])',
};

/** 20 to 50 ms a statement: far below the statement time-out, and others wait no longer for the lock. */
const KEYS_PER_STATEMENT = 1_000;

/** Those of one lane wait for the same lock; lanes read and write apart, so that what is hot in several takes the time of one. */
const LANES: readonly (readonly Rollup[])[] = [
  ['partner_conversions', 'partner_commissions'],
  ['policies'],
  ['products'],
  ['clicks'],
];

/**
 * Computes these keys anew from the base tables. Reflects at least what was committed when it was called, and may be
 * repeated, reordered and run by several processes at once.
 */
export async function recompute(
  db: Pick<Database, 'query'>,
  programId: string,
  keys: Pick<KeySet, 'list'>,
): Promise<void> {
  await Promise.all(
    LANES.map(async (rollups) => {
      for (const rollup of rollups) await recomputeKeys(db, { programId, rollup, keys: keys.list(rollup) });
    }),
  );
}

export interface KeysToRecompute {
  readonly programId: string;
  readonly rollup: Rollup;
  readonly keys: readonly RollupKey[];
}

/** The same for keys of one rollup. */
export async function recomputeKeys(
  db: Pick<Database, 'query'>,
  { programId, rollup, keys }: KeysToRecompute,
): Promise<void> {
  for (let start = 0; start < keys.length; start += KEYS_PER_STATEMENT) {
    const chunk = keys.slice(start, start + KEYS_PER_STATEMENT);
    await db.query(RECOMPUTE[rollup], [programId, chunk.map(({ hour }) => hour), chunk.map(({ id }) => id)]);
  }
}
