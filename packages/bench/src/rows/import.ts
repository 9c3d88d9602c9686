import type { Database } from '@tributary/schema';
import { uuidv7 } from 'uuidv7';

import type { MeasuredProcess } from '../processes.ts';
import type { RowDeclaration, Side } from '../row.ts';
import { startNode } from '../webhooks/start-node.ts';
import { startBenchServers, type BenchServers } from './bench-servers.ts';
import { runJob } from './run-job.ts';

const PARTNERS = 1_000;
const PRODUCTS = 200;
const POLICIES = 10;
const LINES_PER_SECOND = 2_000;
const ALONE_LINES_PER_SECOND = 100;
/** As tracking-service stores them. */
const CHUNK_LINES = 4_500;

const idOf = (kind: number, n: string): string =>
  `('${kind}0000000-0000-7000-8000-' || lpad((${n})::text, 12, '0'))::uuid`;

const PREPARE = [
  `INSERT INTO partners (id, name, email) SELECT ${idOf(1, 'n')}, 'Partner ' || n, 'partner' || n || '@example.com'
   FROM generate_series(1, ${PARTNERS}) n`,
  `INSERT INTO referral_codes (id, partner_id, code, is_default)
   SELECT uuidv7(), ${idOf(1, 'n')}, 'BENCH' || n, true FROM generate_series(1, ${PARTNERS}) n`,
  `INSERT INTO products (id, sku, name, category, price, currency)
   SELECT ${idOf(2, 'n')}, 'BENCH-' || n, 'Product ' || n, 'category ' || n % ${POLICIES}, 50, 'USD'
   FROM generate_series(1, ${PRODUCTS}) n`,
  `INSERT INTO commission_policies (id, code, name) SELECT ${idOf(3, 'n')}, 'bench-' || n, 'Policy ' || n
   FROM generate_series(1, ${POLICIES}) n`,
  `INSERT INTO commission_policy_versions (policy_id, version, type, rate, category, effective_from)
   SELECT ${idOf(3, 'n')}, 1, 'percentage', 10, 'category ' || n % ${POLICIES}, '2020-01-01'
   FROM generate_series(1, ${POLICIES}) n`,
  `INSERT INTO referral_clicks (id, partner_id, referral_code, status, visitor_hash, clicked_at)
   VALUES (uuidv7(), ${idOf(1, '1')}, 'BENCH1', 'valid', 'visitor', now() - interval '5 days')`,
  'ANALYZE',
];

const CUSTOMER = `'customerRefHash', $1::text || n`;
const COUPON = `'referralCode', 'bench' || 1 + n * 7 % ${PARTNERS}`;

/** Confirmed orders of one line by coupon, each of a customer of its own: as tracking-service stores an upload. */
const UPLOAD = `
  INSERT INTO conversion_import_chunks (import_id, chunk, lines)
  SELECT $1::uuid, (n - 1) / ${CHUNK_LINES}, jsonb_agg(jsonb_build_object('line', n, 'order', jsonb_build_object(
      'orderId', $1::text || n, 'currency', 'USD', 'placedAt', to_char(now() AT TIME ZONE 'UTC' - n * interval '1 minute',
      'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), ${COUPON}, ${CUSTOMER},
      'confirmed', true, 'metadata', '{}'::jsonb, 'lines', jsonb_build_array(jsonb_build_object('sku',
      'BENCH-' || 1 + n % ${PRODUCTS}, 'amount', 99.5, 'commissionableAmount', 99.5, 'quantity', 1, 'path', ''))))
    ORDER BY n)
  FROM generate_series(1, $2::int) n GROUP BY 2`;

/** Bringing a programme's history along: against the same job where no two lines may share a statement. */
export const importRow: RowDeclaration = {
  name: 'import',
  async open(context) {
    const servers = await startBenchServers(context);
    for (const statement of PREPARE) await servers.owner.query(statement);
    const scheduler = await startNode(context.root, 'services/batch-scheduler/src/server.ts', {
      ...servers.environment,
      JOB_POLL_MS: '100',
    });
    return {
      name: 'import',
      work: 'import confirmed orders: order, line, customer, conversion, commission, entry, audit rows, events, result',
      ours: importSide(servers, scheduler),
      peers: [{ side: aloneSide(servers, scheduler), goal: 5 }],
      async close() {
        await scheduler.stop();
        await servers.stop();
      },
    };
  },
};

async function importLines(owner: Database, lines: number, upload: string): Promise<{ perSecond: number }> {
  const id = uuidv7();
  await owner.query(upload, [id, lines]);
  await owner.query('CHECKPOINT');
  const job = await runJob(owner, 'import-conversions', { id, total: lines });
  if (job.stats['recorded'] !== lines) throw new Error(`${JSON.stringify(job)} of ${lines} lines`);
  return { perSecond: lines / job.seconds };
}

function importSide({ owner }: BenchServers, scheduler: MeasuredProcess): Side {
  return {
    name: 'import-conversions',
    configuration: 'batch-scheduler, one process, 250 orders a statement, three at a time, events to NATS',
    async measure(seconds) {
      const lines = seconds * LINES_PER_SECOND;
      const cpuBefore = scheduler.cpuSeconds();
      const { perSecond } = await importLines(owner, lines, UPLOAD);
      return { perSecond, cpuMicroseconds: ((scheduler.cpuSeconds() - cpuBefore) / lines) * 1e6 };
    },
  };
}

function aloneSide({ owner }: BenchServers, scheduler: MeasuredProcess): Side {
  return {
    name: 'line by line',
    configuration:
      'the same job, all lines of one customer and led by clicks: each in a statement of its own, after the one before',
    async measure(seconds) {
      const lines = seconds * ALONE_LINES_PER_SECOND;
      const cpuBefore = scheduler.cpuSeconds();
      const upload = UPLOAD.replace(CUSTOMER, `'customerRefHash', $1::text`).replace(
        COUPON,
        `'sessionHash', 'visitor'`,
      );
      const { perSecond } = await importLines(owner, lines, upload);
      return { perSecond, cpuMicroseconds: ((scheduler.cpuSeconds() - cpuBefore) / lines) * 1e6 };
    },
  };
}
