import { createHash, randomBytes } from 'node:crypto';

import { DEFAULT_PROGRAM } from '@tributary/schema';
import { uuidv7 } from 'uuidv7';

import type { MeasuredProcess } from '../processes.ts';
import type { RowContext } from '../row.ts';
import { startNode } from '../webhooks/start-node.ts';
import type { BenchServers } from './bench-servers.ts';

export interface BenchGateway {
  readonly gateway: MeasuredProcess;
  /** An API key that may read, limited by nothing that a bench reaches. */
  readonly key: string;
}

/** Our gateway before `upstreams` (as its environment names them), routing `path` when this resolves. */
export async function startBenchGateway(
  { root }: RowContext,
  servers: BenchServers,
  { upstreams, path }: { readonly upstreams: string; readonly path: string },
): Promise<BenchGateway> {
  const key = await addKey(servers);
  const gateway = await startNode(root, 'services/gateway/src/server.ts', {
    ...servers.environment,
    JWT_SECRETS: 'bench:a signing secret of the bench alone 0123456789',
    UPSTREAMS: upstreams,
    RATE_LIMIT_API_KEY: '1000000000',
  });
  await untilRouted(gateway.url + path, key);
  return { gateway, key };
}

async function addKey(servers: BenchServers): Promise<string> {
  const key = `tb_live_${randomBytes(32).toString('base64url')}`;
  await servers.owner.query(
    `INSERT INTO api_keys (id, program_id, name, prefix, key_hash, scopes) VALUES ($1, $2, 'bench', $3, $4, $5)`,
    [
      uuidv7(),
      DEFAULT_PROGRAM,
      key.slice(0, 12),
      createHash('sha256').update(key).digest('hex'),
      ['operations:read'],
    ],
  );
  return key;
}

/** The gateway learns its upstreams' routes a moment after it is ready. */
async function untilRouted(url: string, key: string): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  for (;;) {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
    if (answer.ok) return;
    if (Date.now() > giveUpAt)
      throw new Error(`the gateway answers ${answer.status}: ${await answer.text()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
