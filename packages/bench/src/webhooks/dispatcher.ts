import { deriveIdentityKey, IDENTITY_HEADER, signIdentity } from '@tributary/http-kit';
import type { Database } from '@tributary/schema';
import { uuidv7 } from 'uuidv7';

import type { MeasuredProcess } from '../processes.ts';
import { IDENTITY_SECRET, type BenchServers } from '../rows/bench-servers.ts';
import { startNode } from './start-node.ts';

const SERVICE = 'webhook-dispatcher';

/** A webhook-dispatcher with its default limits, as a process. */
export function startDispatcher(
  root: string,
  { environment }: BenchServers,
  env: Readonly<Record<string, string>> = {},
): Promise<MeasuredProcess> {
  return startNode(root, `services/${SERVICE}/src/server.ts`, {
    ...environment,
    LOG_LEVEL: 'warn',
    WEBHOOK_ENCRYPTION_KEYS: Buffer.alloc(32, 7).toString('base64'),
    WEBHOOK_ALLOW_LOOPBACK: 'on',
    ...env,
  });
}

export interface EndpointOptions {
  readonly retryDelaysSeconds?: readonly number[];
  readonly rateLimitPerSecond?: number;
}

/** Makes a partner with one endpoint through the API; answers the partner's id. */
export async function addPartner(
  owner: Database,
  dispatcher: Pick<MeasuredProcess, 'url'>,
  url: string,
  options: EndpointOptions = {},
): Promise<string> {
  const partnerId = uuidv7();
  await owner.query(`INSERT INTO partners (id, name, email) VALUES ($1, 'Bench', $2)`, [
    partnerId,
    `${partnerId}@example.com`,
  ]);
  const response = await fetch(`${dispatcher.url}/webhooks/endpoints`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [IDENTITY_HEADER]: identity() },
    body: JSON.stringify({ partnerId, url: `${url}/${partnerId}`, eventTypes: [], ...options }),
  });
  if (response.status !== 201) throw new Error(`an endpoint was refused: ${await response.text()}`);
  return partnerId;
}

/** Partners with one endpoint each, a few at a time. */
export async function addPartners(
  count: number,
  add: () => Promise<string>,
  atOnce = 8,
): Promise<readonly string[]> {
  const partners: string[] = [];
  const lane = async (): Promise<void> => {
    while (partners.length < count) partners.push(await add());
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return partners;
}

function identity(): string {
  return signIdentity(
    {
      kind: 'api_key',
      id: 'bench',
      name: 'bench',
      scopes: ['webhooks:read', 'webhooks:write'],
      programId: 'default',
      ip: '127.0.0.1',
      userAgent: 'bench',
    },
    { service: SERVICE, key: deriveIdentityKey(IDENTITY_SECRET, SERVICE) },
  );
}
