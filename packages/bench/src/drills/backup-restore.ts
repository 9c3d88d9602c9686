import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import postgres from 'postgres';

import type { DrillDeclaration, DrillResult } from '../drill-declaration.ts';
import { contradictions, healingFaults } from '../platform/books.ts';
import { type DrillPlatform, startDrillPlatform } from '../platform/platform.ts';
import { type Accepted, startTraffic } from '../platform/traffic.ts';
import { run } from '../tools.ts';

const SECONDS = 6;
const REQUESTS_PER_SECOND = 100;

export const backupRestoreDrill: DrillDeclaration = {
  name: 'backup-restore',
  says: 'a base backup under load, all servers wiped, restored and started: nothing from before the backup is missing, and what waited is sent',
  async run(context) {
    const platform = await startDrillPlatform(context);
    try {
      return await drill(platform);
    } finally {
      await platform.stop();
    }
  },
};

async function drill(platform: DrillPlatform): Promise<DrillResult> {
  const { context, servers, services } = platform;
  const { log } = context;
  const traffic = startTraffic(platform, { perSecond: REQUESTS_PER_SECOND });
  await pause(SECONDS * 1_000);
  // The backup then holds events that nobody was told of.
  await servers.nats.kill('SIGKILL');
  await pause(1_000);
  const before = copyOf(traffic.accepted);
  const backup = await backUp(platform);
  log(
    `base backup under load in ${seconds(backup.tookMs)}; until then ${before.clicks.size} clicks, ${before.orders.size} orders, ${before.adjustments.size} adjustments`,
  );
  await pause(1_000);
  await traffic.stop();
  await Promise.all(services.map((service) => service.stop()));
  await servers.postgres.kill('SIGKILL');
  await servers.redis.stop();
  for (const { dataDir } of Object.values(servers)) rmSync(dataDir, { recursive: true, force: true });
  log('wiped: the database with its WAL, every stream, every counter');

  const began = performance.now();
  mkdirSync(servers.postgres.dataDir, { recursive: true });
  await run('tar', ['-C', servers.postgres.dataDir, '-xpf', backup.file]);
  await Promise.all([servers.postgres.start(), servers.nats.start(), servers.redis.start()]);
  const missing = await missingOf(platform, before);
  const waiting = await numberOf(
    platform,
    'SELECT count(*)::int AS n FROM outbox_events WHERE sent_at IS NULL',
  );
  await Promise.all(services.slice(0, -1).map((service) => service.start()));
  await services.at(-1)?.start();
  log(`restored and ready after ${seconds(performance.now() - began)}`);
  const unequal = await contradictions(platform);
  log(
    missing.length === 0 && unequal === 0
      ? 'safety: all of it is there; entries, audit rows and events agree'
      : `safety: ${missing.join('; ')}; ${unequal} commissions whose records differ`,
  );
  const { faults, tookMs } = await healingFaults(platform, { arrivedMayBeMore: true });
  log(
    faults.length === 0
      ? `healed ${seconds(tookMs)} later: ${waiting} events that had waited were sent, every event of the restored outbox was delivered, dashboards equal books`
      : `not healed: ${faults.join('; ')}`,
  );
  return { passed: missing.length === 0 && unequal === 0 && faults.length === 0 && waiting > 0 };
}

const copyOf = ({ clicks, orders, adjustments }: Accepted): Accepted => ({
  clicks: new Set(clicks),
  orders: new Map(orders),
  adjustments: new Map(adjustments),
});

/**
 * Copies the data of a running Postgres as its manual says (low-level API): what `pg_basebackup` does, with nothing but the
 * server. The WAL of the meantime comes along, so that the copy starts without an archive.
 */
async function backUp({ context, servers }: DrillPlatform): Promise<{ file: string; tookMs: number }> {
  const began = performance.now();
  const { dataDir, url } = servers.postgres;
  const file = join(context.folder, 'base.tar');
  const extra = join(context.folder, 'label');
  mkdirSync(extra);
  // Start and stop have to be one session's.
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  await sql`SELECT pg_backup_start('drill', fast => true)`;
  await tar(['-C', dataDir, '--exclude=./postmaster.pid', '--exclude=./pg_wal/0*', '-cpf', file, '.']);
  const [label] = await sql<
    { labelfile: string }[]
  >`SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)`;
  await sql.end();
  writeFileSync(join(extra, 'backup_label'), label?.labelfile ?? '', { mode: 0o644 });
  await tar(['-C', dataDir, '-rpf', file, './pg_wal']);
  await tar(['-C', extra, '-rpf', file, './backup_label']);
  return { file, tookMs: performance.now() - began };
}

/** Files change and go while they are read, which tar answers with 1: the WAL mends that. */
async function tar(args: readonly string[]): Promise<void> {
  const tolerant =
    'tar --warning=no-file-changed --warning=no-file-removed --ignore-failed-read "$@" || [ $? -eq 1 ]';
  await run('sh', ['-c', tolerant, 'tar', ...args]);
}

async function numberOf(
  { owner }: DrillPlatform,
  text: string,
  params: readonly string[][] = [],
): Promise<number> {
  const [row] = await owner.query<{ n: number }>(text, params);
  return row?.n ?? Number.NaN;
}

/** What of the accepted is not there. */
async function missingOf(platform: DrillPlatform, accepted: Accepted): Promise<string[]> {
  const { clicks, orders, adjustments } = accepted;
  const found = {
    clicks: await numberOf(
      platform,
      'SELECT count(*)::int AS n FROM referral_clicks WHERE id = ANY($1::uuid[])',
      [[...clicks]],
    ),
    orders: await numberOf(
      platform,
      'SELECT count(*)::int AS n FROM commissions WHERE order_id = ANY($1::text[])',
      [[...orders.keys()]],
    ),
    adjustments: await numberOf(
      platform,
      `SELECT count(DISTINCT commission_id)::int AS n FROM commission_entries
      WHERE action = 'adjusted' AND commission_id = ANY($1::uuid[])`,
      [[...adjustments.keys()]],
    ),
  };
  const expected = { clicks: clicks.size, orders: orders.size, adjustments: adjustments.size };
  return (['clicks', 'orders', 'adjustments'] as const)
    .filter((kind) => found[kind] !== expected[kind])
    .map((kind) => `${expected[kind] - found[kind]} of ${expected[kind]} ${kind} are missing`);
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
