import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { deriveIdentityKey, IDENTITY_HEADER, signIdentity } from '@tributary/http-kit';
import { connect, SERVICE_ROLE, type Database } from '@tributary/schema';
import { Agent, request } from 'undici';

import type { DrillContext, DrillDeclaration } from '../drill-declaration.ts';
import { connectForFilling, openDataFolder } from '../fill/filled-database.ts';
import type { MeasuredProcess } from '../processes.ts';
import { IDENTITY_SECRET } from '../rows/bench-servers.ts';
import { startNode } from '../webhooks/start-node.ts';
import { fillCommissions, PARTNER_OF_MANY, POLICY_OF_MANY } from './commissions-fill.ts';

const SERVICE = 'operations-service';
/** What ten times the rows may add, in MB: what the collector has yet to see. The text of a million rows is several times this. */
const MAX_GROWTH_MB = 80;
const MAX_LIMIT_MS = 60_000;

interface Ground {
  readonly context: DrillContext;
  readonly owner: Database;
  readonly serviceUrl: string;
  readonly service: MeasuredProcess;
  readonly agent: Agent;
}

/** Lists, exports and first usage limits over millions of commissions, in a database that is kept for the next time. */
export const commissionsAtSizeDrill: DrillDeclaration = {
  name: 'commissions-at-size',
  says: 'ten million commissions (--rows): every list by an index, an export of a million rows in flat memory, a first usage limit',
  options: { rows: 10_000_000 },
  async run(context) {
    const rows = context.options['rows'] ?? 0;
    const folder = join(context.root, '.tributary/bench', `commissions-${rows}`);
    const postgres = await openDataFolder(folder, context.root);
    const serviceUrl = new URL(postgres.url);
    serviceUrl.username = SERVICE_ROLE;
    const owner = connect({
      url: postgres.url,
      applicationName: 'drill',
      maxConnections: 2,
      answerTimeoutMs: 600_000,
    });
    const agent = new Agent();
    try {
      await fillOnce(postgres.url, rows, context.log);
      const service = await startNode(context.root, `services/${SERVICE}/src/server.ts`, {
        DATABASE_URL: serviceUrl.href,
        NATS_URL: 'nats://127.0.0.1:1',
        REDIS_URL: 'redis://127.0.0.1:1',
        IDENTITY_SECRET,
        LOG_LEVEL: 'fatal',
        WORKERS: 'off',
      });
      try {
        const ground = { context, owner, serviceUrl: serviceUrl.href, service, agent };
        const held = [
          await plansHold(ground, rows),
          await exportsAreFlat(ground),
          await firstLimitCounts(ground),
        ];
        return { passed: held.every(Boolean) };
      } finally {
        await service.stop();
      }
    } finally {
      await agent.close();
      await owner.close();
      await postgres.stop();
    }
  },
};

async function fillOnce(ownerUrl: string, rows: number, log: (line: string) => void): Promise<void> {
  const filling = connectForFilling(ownerUrl);
  try {
    const [found] = await filling.query<{ any: boolean }>('SELECT EXISTS (SELECT FROM commissions) AS any');
    if (found?.any !== true) await fillCommissions(filling, rows, log);
  } finally {
    await filling.close();
  }
}

/** The test of operations-service that explains every list, on this database. */
async function plansHold({ context, serviceUrl }: Ground, rows: number): Promise<boolean> {
  const report = join(context.folder, 'plans.md');
  writeFileSync(report, '');
  const subjects = {
    partner: { many: PARTNER_OF_MANY, few: PARTNER_OF_MANY.replace(/1$/, '7') },
    policy: { many: POLICY_OF_MANY, few: POLICY_OF_MANY.replace(/1$/, '7') },
    search: { rare: `-${Math.floor(rows / 3)}`, common: 'shop-7', none: 'nowhere' },
  };
  const test = `services/${SERVICE}/test/plans.test.ts`;
  const child = spawn(process.execPath, [join(context.root, 'packages/testkit/src/run-tests.ts'), test], {
    cwd: context.root,
    stdio: 'inherit',
    env: {
      ...process.env,
      PLAN_DATABASE_URL: serviceUrl,
      PLAN_SUBJECTS: JSON.stringify(subjects),
      PLAN_REPORT: report,
    },
  });
  const [code] = await once(child, 'exit');
  if (existsSync(report))
    context.log(`| list | page | count | ms |\n| --- | --- | --- | --- |\n${readFileSync(report, 'utf8')}`);
  return code === 0;
}

const head = (): Record<string, string> => ({
  'content-type': 'application/json',
  [IDENTITY_HEADER]: signIdentity(
    {
      kind: 'api_key',
      id: 'drill',
      name: 'drill',
      scopes: ['operations:read', 'catalog:write', 'catalog:read'],
      programId: 'default',
      ip: '127.0.0.1',
      userAgent: 'drill',
    },
    { service: SERVICE, key: deriveIdentityKey(IDENTITY_SECRET, SERVICE) },
  ),
});

/** Resident memory in MB, as the process itself tells Prometheus. */
async function memoryOf({ service, agent }: Ground): Promise<number> {
  const { body } = await request(`${service.url}/metrics`, { dispatcher: agent });
  const [, bytes] = /^process_resident_memory_bytes\{[^}]*\} (\S+)$/m.exec(await body.text()) ?? [];
  return Number(bytes) / 2 ** 20;
}

interface Exported {
  readonly rows: number;
  readonly seconds: number;
  /** The most there was meanwhile. */
  readonly peakMb: number;
}

/** Reads an export to its end, or until `upTo` rows have come. */
async function exportRows(ground: Ground, query: string, upTo: number): Promise<Exported> {
  const began = performance.now();
  const url = `${ground.service.url}/operations/commissions.csv?dateFrom=2020-01-01&${query}`;
  const { body, statusCode } = await request(url, { dispatcher: ground.agent, headers: head() });
  if (statusCode !== 200) throw new Error(`${statusCode}: ${await body.text()}`);
  let [rows, peakMb, measuredAt] = [-1, 0, 0];
  for await (const chunk of body) {
    rows += (chunk as Buffer).toString('latin1').split('\n').length - 1;
    if (rows - measuredAt > 20_000) {
      measuredAt = rows;
      peakMb = Math.max(peakMb, await memoryOf(ground));
    }
    if (rows >= upTo) break;
  }
  return { rows, seconds: (performance.now() - began) / 1_000, peakMb };
}

async function exportsAreFlat(ground: Ground): Promise<boolean> {
  const { log } = ground.context;
  const idle = await memoryOf(ground);
  const small = await exportRows(ground, 'sort=createdAt', 100_000);
  const large = await exportRows(ground, 'sort=-createdAt', 1_000_000);
  const past = await exportRows(ground, `asOf=${new Date(Date.now() - 86_400_000).toISOString()}`, 200_000);
  for (const [name, { rows, seconds, peakMb }] of Object.entries({ small, large, past })) {
    log(
      `export (${name}): ${rows} rows in ${seconds.toFixed(1)} s, at most ${peakMb.toFixed(0)} MB resident`,
    );
  }
  log(`resident before: ${idle.toFixed(0)} MB`);
  return Math.max(large.peakMb, past.peakMb) - small.peakMb < MAX_GROWTH_MB;
}

/** How long a policy takes to get its first limit that half of all commissions were written by. */
async function firstLimitCounts({ context, owner, service, agent }: Ground): Promise<boolean> {
  const patch = async (maxUsageTotal: number | null): Promise<number> => {
    const began = performance.now();
    const { statusCode, body } = await request(`${service.url}/policies/${POLICY_OF_MANY}`, {
      method: 'PATCH',
      dispatcher: agent,
      headers: head(),
      body: JSON.stringify({ maxUsageTotal }),
      headersTimeout: 2 * MAX_LIMIT_MS,
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${statusCode}: ${text}`);
    return performance.now() - began;
  };
  await patch(null);
  const milliseconds = await patch(2_000_000_000);
  const [found] = await owner.query<{ used: number; earned: number }>(
    `SELECT used, (SELECT count(*)::int FROM commissions WHERE policy_id = $1 AND kind = 'earning') AS earned
     FROM policy_usage WHERE policy_id = $1 AND partner_id IS NULL`,
    [POLICY_OF_MANY],
  );
  await patch(null);
  context.log(`a first limit: ${found?.used} uses counted in ${(milliseconds / 1_000).toFixed(1)} s`);
  return found?.used === found?.earned && milliseconds < MAX_LIMIT_MS;
}
