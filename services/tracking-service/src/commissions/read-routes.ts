import {
  attentionConditions,
  COMMISSION_ATTENTION,
  commissionWire,
  DATE_COLUMNS,
  refundedCondition,
} from '@tributary/commissions';
import {
  commissionSchema,
  currencyCode,
  dateRangeQuery,
  idField,
  list,
  moneyAnswer,
  pageQuery,
  queryBoolean,
  resolveDateRange,
  sendJsonText,
  success,
  successText,
  withOrderedDates,
  type Identity,
  type ServiceApp,
} from '@tributary/http-kit';
import { COMMISSION_KINDS, COMMISSION_STATUSES } from '@tributary/schema';
import { z } from 'zod';
import type { TrackingDeps } from '../deps.ts';
import { readList, type Selection } from '../lists/read-list.ts';
import { selectRows } from '../lists/selection.ts';

/** Neither how policies were weighed against each other nor who at the programme changed something is a partner's business. */
const WIRE = commissionWire('c', {
  metadata: `c.metadata - ARRAY['decision', 'adjustmentHistory', 'cancelledBy']`,
});

const SOURCE = { from: 'commissions c', alias: 'c', wire: WIRE };

const filters = {
  partnerId: idField.optional(),
  kind: z.enum(COMMISSION_KINDS).optional(),
  status: z.enum(COMMISSION_STATUSES).optional(),
  policyId: idField.optional(),
  currency: currencyCode.optional(),
  refunded: queryBoolean().optional(),
  /** Those that the overview counts under this name, now. */
  attention: z.enum(COMMISSION_ATTENTION).optional(),
  /** Which moment the dates are of, and the order. */
  dateField: z.enum(['created', 'paid']).default('created'),
  ...dateRangeQuery(),
};
const listQuery = withOrderedDates(
  z.strictObject({
    ...pageQuery({ sort: ['createdAt'], defaultSort: '-createdAt' }),
    ...filters,
  }),
);
const statsQuery = withOrderedDates(z.strictObject(filters));

type Asked = z.output<typeof statsQuery>;

async function selectCommissions(deps: TrackingDeps, identity: Identity, asked: Asked): Promise<Selection> {
  const { reportingTimeZone: timeZone } = await deps.settings.current(identity.programId);
  const { parameters, conditions } = selectRows({
    alias: 'c',
    time: DATE_COLUMNS[asked.dateField],
    range: resolveDateRange(asked, { timeZone, now: deps.clock() }),
    identity,
    partnerId: asked.partnerId,
    filters: [
      { column: 'c.kind', type: 'text', value: asked.kind },
      { column: 'c.status', type: 'text', value: asked.status },
      { column: 'c.policy_id', type: 'uuid', value: asked.policyId },
      { column: 'c.currency', type: 'text', value: asked.currency },
    ],
  });
  const { attention, refunded } = asked;
  return {
    parameters,
    conditions: [
      ...conditions,
      ...(refunded === undefined ? [] : [refundedCondition(refunded)]),
      ...attentionConditions(attention),
    ],
  };
}

const byStatus = (value: z.ZodType) =>
  z.object(Object.fromEntries(COMMISSION_STATUSES.map((status) => [status, value])));

const statsSchema = z.object({
  currency: z.string(),
  /** Earnings that are not cancelled. */
  totalCommissions: z.int(),
  totalEarnings: moneyAnswer,
  avgCommissionAmount: moneyAnswer,
  statusBreakdown: byStatus(z.int()),
  amountByStatus: byStatus(moneyAnswer),
  totalClawedBack: moneyAnswer,
  totalBonuses: moneyAnswer,
});

const each = (value: (status: string) => string): string =>
  COMMISSION_STATUSES.map((status) => `'${status}', ${value(status)}`).join(', ');

const ALIVE = `c.kind = 'earning' AND c.status <> 'cancelled'`;

/** By the definitions of the analytics: claw-backs and bonuses beside earnings, never mixed in. */
const STATS = (where: string): string => `
  SELECT json_build_object('totalCommissions', count(*) FILTER (WHERE ${ALIVE}),
    'totalEarnings', coalesce(sum(c.commission_amount) FILTER (WHERE ${ALIVE}), 0),
    'avgCommissionAmount', coalesce(round(avg(c.commission_amount) FILTER (WHERE ${ALIVE}), 2), 0),
    'statusBreakdown', json_build_object(${each((status) => `count(*) FILTER (WHERE c.kind = 'earning' AND c.status = '${status}')`)}),
    'amountByStatus', json_build_object(${each((status) => `coalesce(sum(c.commission_amount) FILTER (WHERE c.kind = 'earning' AND c.status = '${status}'), 0)`)}),
    'totalClawedBack', coalesce(-sum(c.commission_amount) FILTER (WHERE c.kind = 'clawback'), 0),
    'totalBonuses', coalesce(sum(c.commission_amount) FILTER (WHERE c.kind = 'bonus'), 0))::jsonb AS stats
  FROM commissions c WHERE ${where}`;

const access = { scope: 'conversions:read', partnerAccess: 'own' } as const;

/** A partner's own commissions. Staff may read them here as partners see them; what concerns them is among the operations. */
export function commissionReadRoutes(app: ServiceApp, deps: TrackingDeps): void {
  app.route({
    method: 'GET',
    url: '/tracking/commissions',
    schema: { querystring: listQuery, response: { 200: list(commissionSchema) } },
    config: {
      operationId: 'listOwnCommissions',
      summary: 'List commissions as their partner sees them',
      ...access,
    },
    handler: async ({ query, identity }, reply) => {
      const selection = await selectCommissions(deps, identity, query);
      return sendJsonText(
        reply,
        await readList(deps.reads, { ...SOURCE, time: DATE_COLUMNS[query.dateField] }, selection, query),
      );
    },
  });
  app.route({
    method: 'GET',
    url: '/tracking/commissions/stats',
    schema: { querystring: statsQuery, response: { 200: success(statsSchema) } },
    config: {
      operationId: 'getOwnCommissionStats',
      summary: 'Sum up commissions in one currency',
      ...access,
    },
    handler: async ({ query, identity }, reply) => {
      const currency = query.currency ?? (await deps.settings.current(identity.programId)).currency;
      const { conditions, parameters } = await selectCommissions(deps, identity, { ...query, currency });
      const [row] = await deps.reads.query<{ stats: object }>(
        STATS(conditions.join(' AND ')),
        parameters.values,
      );
      return sendJsonText(reply, successText(JSON.stringify({ currency, ...row?.stats })));
    },
  });
}
