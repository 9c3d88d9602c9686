import type { Database } from '@tributary/schema';

import { confirmInALoop } from '../peers/confirm-loop.ts';
import type { MeasuredProcess } from '../processes.ts';
import type { RowContext, RowDeclaration, Side } from '../row.ts';
import { startNode } from '../webhooks/start-node.ts';
import { startBenchServers, type BenchServers } from './bench-servers.ts';
import { runJob } from './run-job.ts';

const PARTNERS = 1_000;
/** So many rows for each second that a side is to be measured: half a minute's work for the job in the long form. */
const ROWS_PER_SECOND = 6_250;
/** The loop needs a hundred times as long for each. */
const LOOP_ROWS_PER_SECOND = 125;
const SLOWEST_CHUNK_MS = 1_500;

const PREPARE = `
  INSERT INTO partners (id, name, email)
  SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Partner ' || n, 'partner' || n || '@example.com'
  FROM generate_series(1, ${PARTNERS}) n`;

/** Pending commissions whose hold has passed; bonuses, because they need no order behind them. Metadata as a decision has it. */
const MAKE_DUE = `
  INSERT INTO commissions (id, kind, partner_id, status, commission_amount, order_amount, basis_amount, basis_left, currency,
    hold_until, metadata)
  SELECT uuidv7(), 'bonus', ('00000000-0000-7000-8000-' || lpad((n % ${PARTNERS} + 1)::text, 12, '0'))::uuid, 'pending',
    10, 100, 10, 100, 'USD', now() - n * interval '1 second', jsonb_build_object('decision', repeat('decided ', 75))
  FROM generate_series(1, $1::int) n`;

/** All due commissions at once: the row, its entry, audit row and the same event in one statement without a limit. */
const BARE = `
  WITH changed AS (
    UPDATE commissions SET status = 'confirmed', version = version + 1, confirmed_at = now(), updated_at = now()
    WHERE program_id = 'default' AND status = 'pending' AND NOT review_hold AND hold_until <= now() RETURNING *),
  entries AS (
    INSERT INTO commission_entries (commission_id, version, partner_id, kind, currency, action, amount_delta, amount_after,
      status_before, status_after, actor, at)
    SELECT id, version, partner_id, kind, currency, 'confirmed', 0, commission_amount, 'pending', 'confirmed', 'bench', now()
    FROM changed),
  audit AS (
    INSERT INTO audit_logs (id, entity_type, entity_id, action, actor, changes)
    SELECT uuidv7(), 'commission', id::text, 'confirmed', 'bench',
      jsonb_build_array(jsonb_build_object('field', 'status', 'oldValue', 'pending', 'newValue', 'confirmed'))
    FROM changed),
  events AS (
    INSERT INTO outbox_events (id, type, subject, actor, data, occurred_at)
    SELECT uuidv7(), 'commission.confirmed', jsonb_build_object('commissionId', id, 'partnerId', partner_id),
      '{"kind": "system", "id": null, "name": "bench"}'::jsonb, jsonb_build_object(
        'before', jsonb_build_object('status', 'pending', 'commissionAmount', commission_amount),
        'after', jsonb_build_object('status', 'confirmed', 'commissionAmount', commission_amount),
        'commissionId', id, 'version', version, 'kind', kind, 'partnerId', partner_id, 'policyId', policy_id,
        'policyVersion', policy_version, 'policyType', policy_type, 'productId', product_id, 'conversionId', conversion_id,
        'originalCommissionId', original_commission_id, 'orderId', order_id, 'subId', sub_id, 'referralCode', referral_code,
        'currency', currency, 'orderAmount', order_amount, 'createdAt', created_at, 'confirmedAt', confirmed_at,
        'paidAt', paid_at, 'holdUntil', hold_until, 'reason', NULL, 'reasonCode', NULL, 'reviewHold', review_hold,
        'paymentMethod', payment_method, 'paymentReference', payment_reference, 'payoutId', payout_id, 'refundId', NULL,
        'refundAmount', NULL, 'clawedBackAmount', clawed_back_amount), now()
    FROM changed)
  SELECT count(*)::int AS confirmed FROM changed`;

/** Confirming what is due: against one statement for everything, and a loop over rows. */
export const batchRow: RowDeclaration = {
  name: 'batch',
  async open(context) {
    const servers = await startBenchServers(context);
    await servers.owner.query(PREPARE);
    const scheduler = await startNode(context.root, 'services/batch-scheduler/src/server.ts', {
      ...servers.environment,
      // Publishing is what the other sides do not do: events stay in the outbox on all of them.
      NATS_URL: 'nats://127.0.0.1:1',
      JOB_POLL_MS: '100',
    });
    return {
      name: 'batch',
      work: 'confirm commissions whose hold has passed: row, entry, audit row and event each',
      ours: jobSide(servers, scheduler, context),
      peers: [
        { side: bareSide(servers.owner), goal: 1.5 },
        { side: loopSide(servers), goal: 70 },
      ],
      async close() {
        await scheduler.stop();
        await servers.stop();
      },
    };
  },
};

/** Fresh rows and an empty log for each measurement, so that no side cleans up after another. */
async function makeDue(owner: Database, rows: number): Promise<void> {
  await owner.query(MAKE_DUE, [rows]);
  await owner.query('VACUUM (ANALYZE) commissions');
  await owner.query('CHECKPOINT');
}

function jobSide({ owner }: BenchServers, scheduler: MeasuredProcess, { log }: RowContext): Side {
  return {
    name: 'confirm-due-commissions',
    configuration:
      'batch-scheduler, one process, two statements at a time with SKIP LOCKED; NATS away, events answered',
    async measure(seconds) {
      const rows = seconds * ROWS_PER_SECOND;
      await makeDue(owner, rows);
      const cpuBefore = scheduler.cpuSeconds();
      const job = await runJob(owner, 'confirm-due-commissions');
      if (job.succeeded !== rows) throw new Error(`${job.succeeded} of ${rows} commissions were confirmed`);
      const slowest = Number(job.stats['slowestChunkMs']);
      log(`slowest chunk ${slowest} ms (goal: ${SLOWEST_CHUNK_MS} at most)`);
      const cpuMicroseconds = ((scheduler.cpuSeconds() - cpuBefore) / rows) * 1e6;
      return { perSecond: rows / job.seconds, cpuMicroseconds };
    },
  };
}

function bareSide(owner: Database): Side {
  return {
    name: 'one bare statement',
    configuration: 'the same four writes for all rows at once, no limit, no events answered',
    async measure(seconds) {
      const rows = seconds * ROWS_PER_SECOND;
      await makeDue(owner, rows);
      return timed(rows, async () => (await owner.query<{ confirmed: number }>(BARE))[0]?.confirmed);
    },
  };
}

function loopSide({ owner, serviceUrl }: BenchServers): Side {
  return {
    name: 'loop over rows',
    configuration: 'one after the other with Drizzle: read, check and four writes in a transaction',
    async measure(seconds) {
      const rows = seconds * LOOP_ROWS_PER_SECOND;
      await makeDue(owner, rows);
      return timed(rows, () => confirmInALoop(serviceUrl));
    },
  };
}

async function timed(rows: number, work: () => Promise<number | undefined>): Promise<{ perSecond: number }> {
  const began = performance.now();
  const confirmed = await work();
  const seconds = (performance.now() - began) / 1_000;
  if (confirmed !== rows) throw new Error(`${confirmed ?? 'no'} of ${rows} commissions were confirmed`);
  return { perSecond: rows / seconds };
}
