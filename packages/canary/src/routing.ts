import { userInfo } from 'node:os';

import type { StoredEvent } from '@tributary/event-catalog';
import { newId } from '@tributary/runtime';
import { type Database, DEFAULT_PROGRAM, type Release } from '@tributary/schema';

/** A row of `routing_weights` of one service. */
export interface RouteWeight {
  readonly release: Release;
  readonly url: string;
  readonly weight: number;
  /** Of which release consumers and jobs run, too, because its rollout came so far. */
  readonly workers: string | null;
}

/** What a rollout did, as its audit rows call it. */
export type RolloutAction =
  | 'started'
  | 'stepped'
  | 'workers_started'
  | 'promoted'
  | 'rolled_back'
  | 'given_up'
  | 'reset';

/** A rollout as it stands in the audit log: rows of entity `rollout` with one id. */
export interface Rollout {
  readonly id: string;
  readonly service: string;
}

export interface RoutingChange {
  readonly action: RolloutAction;
  /** Every row of the service from now on; none means the stack's own process. */
  readonly weights: readonly RouteWeight[];
  readonly reason: string;
}

type Db = Pick<Database, 'query'>;

export async function readWeights(db: Db, service: string): Promise<RouteWeight[]> {
  return db.query<RouteWeight>(
    'SELECT release, url, weight, workers FROM routing_weights WHERE service = $1 ORDER BY release',
    [service],
  );
}

// Weights, audit row and event in one statement: neither can be there without the others.
const CHANGE = `
  WITH gone AS (
    DELETE FROM routing_weights WHERE service = $1 AND release <> ALL ($2::text[])
  ), placed AS (
    INSERT INTO routing_weights (service, release, url, weight, workers)
    SELECT $1, w.* FROM unnest($2::text[], $3::text[], $4::int[], $14::text[]) AS w (release, url, weight, workers)
    ON CONFLICT (service, release) DO UPDATE
    SET url = excluded.url, weight = excluded.weight, workers = excluded.workers, updated_at = now()
  ), audited AS (
    INSERT INTO audit_logs (id, program_id, entity_type, entity_id, action, actor, changes, reason)
    VALUES ($5, $6, 'rollout', $7::text, $8, $9::jsonb->>'name',
      jsonb_build_array(jsonb_build_object('field', 'weights', 'oldValue', $10::jsonb, 'newValue', $11::jsonb)), $12)
  )
  INSERT INTO outbox_events (id, program_id, type, subject, actor, request_id, data, occurred_at)
  VALUES ($13, $6, 'routing.changed', jsonb_build_object('service', $1::text), $9::jsonb, $7::text,
    jsonb_build_object('service', $1::text), now())
  RETURNING id, type, program_id, subject, actor, request_id, data, occurred_at, created_at`;

type OutboxRow = Omit<StoredEvent<'routing.changed'>, 'version' | 'occurredAt'> & {
  readonly occurredAt: Date;
};

/** Splits the service's traffic anew and keeps a record of it; answers the event to publish. */
export async function changeRouting(
  db: Db,
  { id, service }: Rollout,
  { action, weights, reason }: RoutingChange,
): Promise<StoredEvent<'routing.changed'>> {
  const before = await readWeights(db, service);
  const [row] = await db.query<OutboxRow>(CHANGE, [
    service,
    weights.map(({ release }) => release),
    weights.map(({ url }) => url),
    weights.map(({ weight }) => weight),
    newId(),
    DEFAULT_PROGRAM,
    id,
    action,
    { kind: 'system', id: null, name: `canary (${userInfo().username})` },
    [...before],
    [...weights],
    reason,
    newId(),
    weights.map(({ workers }) => workers),
  ]);
  if (row === undefined) throw new Error('The statement that changes the routing answered no row');
  return { ...row, version: 1, occurredAt: row.occurredAt.toISOString() };
}
