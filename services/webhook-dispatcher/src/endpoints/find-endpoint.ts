import type { Database } from '@tributary/schema';
import { endpointWire } from './endpoint-wire.ts';
import type { Endpoint } from './endpoint-wire.ts';
import { targetColumns } from './target.ts';
import type { EndpointTarget } from './target.ts';

/** Which endpoint, and whose: `ownPartnerId` confines a partner to its own. */
export interface EndpointRef {
  readonly programId: string;
  readonly id: string;
  readonly ownPartnerId: string | undefined;
}

const VISIBLE = `e.program_id = $1 AND e.id = $2 AND e.deleted_at IS NULL
  AND ($3::uuid IS NULL OR e.partner_id = $3::uuid)`;

const FIND = `SELECT ${endpointWire('e')} AS endpoint FROM webhook_endpoints e WHERE ${VISIBLE}`;

export async function findEndpoint(
  db: Pick<Database, 'query'>,
  { programId, id, ownPartnerId }: EndpointRef,
): Promise<Endpoint | undefined> {
  const [row] = await db.query<{ endpoint: Endpoint }>(FIND, [programId, id, ownPartnerId ?? null]);
  return row?.endpoint;
}

const FIND_TARGET = `SELECT ${targetColumns('e')}, e.partner_id FROM webhook_endpoints e WHERE ${VISIBLE}`;

/** The endpoint with what is needed to deliver to it. */
export async function findTarget(
  db: Pick<Database, 'query'>,
  { programId, id, ownPartnerId }: EndpointRef,
): Promise<(EndpointTarget & { readonly partnerId: string }) | undefined> {
  const [row] = await db.query<EndpointTarget & { partnerId: string }>(FIND_TARGET, [
    programId,
    id,
    ownPartnerId ?? null,
  ]);
  return row;
}
