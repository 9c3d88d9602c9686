import type { CommandContext } from '@tributary/http-kit';

/** The jsonb parameter that `answerInsert` reads; null without an `Idempotency-Key`. */
export const answerParameter = ({ idempotency }: CommandContext): object | null =>
  idempotency === undefined ? null : { ...idempotency };

/**
 * Keeps the answer of a change for its `Idempotency-Key`, for the row that the CTE `from` returned: part of the statement of the
 * change, so that a repetition finds it exactly when there is something to repeat. `data` is SQL over that row; `parameter` is
 * the number of the one made by `answerParameter`.
 */
export function answerInsert(options: {
  readonly from: string;
  readonly data: string;
  readonly parameter: number;
}): string {
  const { from, data, parameter } = options;
  return `
    INSERT INTO idempotency_keys (program_id, principal, method, path, key, body_hash, status, answer)
    SELECT ${from}.program_id, k.key ->> 'principal', k.key ->> 'method', k.key ->> 'path', k.key ->> 'key',
           k.key ->> 'bodyHash', (k.key ->> 'status')::int, jsonb_build_object('success', true, 'data', ${data})
    FROM ${from}, (SELECT $${parameter}::jsonb AS key) k WHERE k.key IS NOT NULL`;
}

/** A change whose answer has no data. */
export const NO_DATA = `'null'::jsonb`;
