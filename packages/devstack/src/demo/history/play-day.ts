import { changeCommissions, confirmDueChunk, createBonus, systemContext } from '@tributary/commissions';
import { DEFAULT_PROGRAM } from '@tributary/schema';

import { createRandom } from '../random.ts';
import { storeClicks } from './store-clicks.ts';
import { momentOf } from './calendar.ts';
import type { DayPlan, OrderAction, PlannedBonus } from './plan.ts';
import { postOrder } from './post-order.ts';
import { idOf, inLanes, mustBe, operatorContext, type Scene } from './scene.ts';
import { requestIdOf, takeAction, type Target } from './take-action.ts';

const NIGHTLY_JOB = 'confirm-due-commissions';
const NIGHTLY_HOUR = 2;
const CHUNK = 1_000;
const JOB_SEED = 9_001;

const RECORD_JOB = `WITH counted AS (
    SELECT count(*)::int AS confirmed FROM commission_entries WHERE program_id = $1 AND job_id = $2::uuid AND at = $4::timestamptz)
  INSERT INTO jobs (id, program_id, name, trigger, scheduled_for, actor, status, total, succeeded, stats, attempts, created_at, started_at, finished_at)
  SELECT $2::uuid, $1, $3, 'schedule', $4::timestamptz, $5::jsonb, 'succeeded', confirmed, confirmed,
    jsonb_build_object('total', confirmed, 'confirmed', confirmed, 'failed', 0, 'skipped', 0, 'durationMs', 400 + 3 * confirmed), 1,
    $4::timestamptz, $4::timestamptz, $4::timestamptz + make_interval(secs => 0.4 + 0.003 * confirmed)
  FROM counted ON CONFLICT DO NOTHING`;

/** The nightly confirmation of what is due, with the job that did it. */
async function confirmDue({ deps }: Scene, { day, midnight }: DayPlan): Promise<void> {
  const at = momentOf(midnight, 0, NIGHTLY_HOUR);
  const jobId = createRandom(JOB_SEED + day).idAt(at);
  const context = { ...systemContext(NIGHTLY_JOB, DEFAULT_PROGRAM, at), jobId };
  let confirmed: number;
  do ({ confirmed } = await confirmDueChunk(deps, context, CHUNK));
  while (confirmed > 0);
  const actor = { ...context.actor, requestId: null, ipAddress: null, userAgent: null };
  await deps.db.query(RECORD_JOB, [DEFAULT_PROGRAM, jobId, NIGHTLY_JOB, at, actor]);
}

const COLUMNS = { status: 'status', tier: 'tier', paymentHold: 'payment_hold' } as const;

async function changePartners(scene: Scene, { partnerChanges, midnight }: DayPlan): Promise<void> {
  const { id: operatorId, name, ipAddress, userAgent } = scene.operator;
  for (const { code, field, from, to, reason } of partnerChanges) {
    const column = COLUMNS[field];
    const text = `WITH changed AS (
        UPDATE partners SET ${column} = $3, version = version + 1, updated_at = $4::timestamptz
        WHERE program_id = $1 AND id = $2::uuid AND ${column} = $5 RETURNING id)
      INSERT INTO audit_logs (id, program_id, entity_type, entity_id, action, user_id, actor, changes, reason, ip_address, user_agent, created_at)
      SELECT uuidv7(), $1, 'partner', id::text, 'updated', $6::uuid, $7, $8::jsonb, $9, $10, $11, $4::timestamptz FROM changed`;
    const changes = [{ field, oldValue: from, newValue: to }];
    await scene.deps.db.query(text, [
      DEFAULT_PROGRAM,
      idOf(scene.catalogue.partners, code),
      to,
      momentOf(midnight, 0, 0.5),
      from,
      operatorId,
      name,
      changes,
      reason,
      ipAddress,
      userAgent,
    ]);
  }
}

const TARGETS = `SELECT v.order_id || ' ' || v.product_id AS line, v.id AS conversion_id, c.id AS commission_id, c.commission_amount
  FROM conversion_events v
  LEFT JOIN commissions c ON c.program_id = v.program_id AND c.conversion_id = v.id AND c.kind = 'earning'
  WHERE v.program_id = $1 AND v.order_id = ANY($2::text[])`;

async function takeActions(scene: Scene, actions: readonly OrderAction[]): Promise<void> {
  if (actions.length === 0) return;
  const orderIds = actions.map(({ order }) => order.id);
  const rows = await scene.deps.db.query<Target & { line: string }>(TARGETS, [DEFAULT_PROGRAM, orderIds]);
  const targets = new Map(rows.map(({ line, ...target }) => [line, target]));
  await inLanes(
    actions,
    ({ order }) => order.partner.code,
    async (action) => {
      const { id, lines } = action.order;
      const target = targets.get(`${id} ${idOf(scene.catalogue.products, lines[0].sku)}`);
      if (target === undefined) throw new Error(`demonstration: order ${id} has no conversion`);
      await takeAction(scene, target, action);
    },
  );
}

async function grantBonus(scene: Scene, bonus: PlannedBonus): Promise<void> {
  const { at, partnerCode, amount, reason } = bonus;
  const context = operatorContext(scene, at, bonusRequestId(bonus));
  const partnerId = idOf(scene.catalogue.partners, partnerCode);
  const input = { partnerId, amount, currency: 'USD', reason, reasonCode: 'goodwill' as const };
  mustBe(context.requestId ?? '', await createBonus(scene.deps, context, input), 'done');
}

const bonusRequestId = ({ partnerCode, at }: PlannedBonus): string =>
  `demo-bonus-${partnerCode}-${at.toISOString().slice(0, 10)}`;

const PAYABLE = `SELECT c.id FROM commissions c
  JOIN partners p ON p.program_id = c.program_id AND p.id = c.partner_id AND NOT p.payment_hold
  WHERE c.program_id = $1 AND c.partner_id = $2::uuid AND c.status = 'confirmed' AND c.confirmed_at < $3::timestamptz ORDER BY c.id`;

/** Pays every partner what is confirmed, claw-backs set off; what is paid already is no longer confirmed. */
async function payPartners(scene: Scene, midnight: Date): Promise<void> {
  const day = midnight.toISOString().slice(0, 10).replaceAll('-', '');
  for (const [code, partnerId] of scene.catalogue.partners) {
    const params = [DEFAULT_PROGRAM, partnerId, midnight];
    const payable = await scene.deps.db.query<{ id: string }>(PAYABLE, params);
    const context = operatorContext(scene, momentOf(midnight, 0, 15), `demo-pay-${day}-${code}`);
    const paymentMethod = code.length % 3 === 0 ? 'paypal' : 'bank_transfer';
    const command = { action: 'pay', paymentMethod, paymentReference: `PAY-${day}-${code}` } as const;
    const items = payable.map(({ id: commissionId }) => ({ commissionId, command }));
    for (const outcome of await changeCommissions(scene.deps, context, items)) {
      mustBe(`payment ${command.paymentReference}`, outcome, 'done');
    }
  }
}

const DONE = `SELECT DISTINCT request_id FROM audit_logs
  WHERE program_id = $1 AND request_id LIKE 'demo-%' AND created_at >= $2::timestamptz AND created_at < $3::timestamptz`;

/** What an interrupted seeding has done of this day already: every command leaves its request id in the audit trail. */
async function readDone({ deps }: Scene, { midnight }: DayPlan): Promise<Set<string>> {
  const params = [DEFAULT_PROGRAM, midnight, momentOf(midnight, 1)];
  const rows = await deps.db.query<{ requestId: string }>(DONE, params);
  return new Set(rows.map(({ requestId }) => requestId));
}

/** Plays one day. Played again after an interruption, it does what was not done yet. */
export async function playDay(scene: Scene, plan: DayPlan): Promise<void> {
  await changePartners(scene, plan);
  await confirmDue(scene, plan);
  const done = await readDone(scene, plan);
  await Promise.all([
    storeClicks(scene.deps.db, scene.catalogue, plan.clicks),
    inLanes(
      plan.orders,
      ({ partner }) => partner.code,
      (order) => postOrder(scene, order),
    ),
  ]);
  await takeActions(
    scene,
    plan.actions.filter((action) => !done.has(requestIdOf(action))),
  );
  for (const bonus of plan.bonuses) if (!done.has(bonusRequestId(bonus))) await grantBonus(scene, bonus);
  if (plan.payments) await payPartners(scene, plan.midnight);
}
