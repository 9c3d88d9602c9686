import { conversionWire } from '@tributary/commissions';
import {
  AppError,
  currencyCode,
  dateRangeQuery,
  idField,
  idParams,
  list,
  moneyAnswer,
  ownPartnerOnly,
  pageQuery,
  queryBoolean,
  resolveDateRange,
  sendJsonText,
  success,
  successText,
  versionEtag,
  withOrderedDates,
  type Identity,
  type ServiceApp,
} from '@tributary/http-kit';
import { CONVERSION_STATUSES } from '@tributary/schema';
import { z } from 'zod';
import type { TrackingDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { readList, type ListSource, type Selection } from '../lists/read-list.ts';
import { selectRows } from '../lists/selection.ts';
import { conversionSchema } from './wire-schemas.ts';

/** Of the path a partner sees its own steps; of the shop's metadata and of how policies were weighed nothing. */
const PARTNER_WIRE = conversionWire('v', {
  metadata: `'{}'::jsonb`,
  noCommissionReason: 'NULL::text',
  attributionPath: `jsonb_path_query_array(v.attribution_path, '$[*] ? (@.partnerId == $own)', jsonb_build_object('own', v.partner_id))`,
});

function wireFor(identity: Identity): string {
  return ownPartnerOnly(identity) === undefined ? conversionWire('v') : PARTNER_WIRE;
}

function sourceFor(identity: Identity): ListSource {
  return { from: 'conversion_events v', alias: 'v', wire: wireFor(identity), time: 'v.converted_at' };
}

const filters = {
  partnerId: idField.optional(),
  productId: idField.optional(),
  orderId: z.string().min(1).max(200).optional(),
  status: z.enum(CONVERSION_STATUSES).optional(),
  isPrimary: queryBoolean().optional(),
  currency: currencyCode.optional(),
  ...dateRangeQuery(),
};
const listQuery = withOrderedDates(
  z.strictObject({
    ...pageQuery({ sort: ['convertedAt', 'createdAt'], defaultSort: '-convertedAt' }),
    ...filters,
  }),
);
const statsQuery = withOrderedDates(z.strictObject(filters));

type Asked = z.output<typeof statsQuery>;

async function selectConversions(deps: TrackingDeps, identity: Identity, asked: Asked): Promise<Selection> {
  const { reportingTimeZone: timeZone } = await deps.settings.current(identity.programId);
  return selectRows({
    alias: 'v',
    time: 'v.converted_at',
    range: resolveDateRange(asked, { timeZone, now: deps.clock() }),
    identity,
    partnerId: asked.partnerId,
    filters: [
      { column: 'v.product_id', type: 'uuid', value: asked.productId },
      { column: 'v.order_id', type: 'text', value: asked.orderId },
      { column: 'v.status', type: 'text', value: asked.status },
      { column: 'v.is_primary', type: 'boolean', value: asked.isPrimary },
      { column: 'v.currency', type: 'text', value: asked.currency },
    ],
  });
}

const count = z.int();
const statsSchema = z.object({
  currency: z.string(),
  /** Primary conversions; for one partner all of its rows. */
  totalConversions: count,
  totalRevenue: moneyAnswer,
  totalRefunded: moneyAnswer,
  avgOrderValue: moneyAnswer,
  newCustomers: count,
  statusBreakdown: z.object(Object.fromEntries(CONVERSION_STATUSES.map((status) => [status, count]))),
});

/** Refunds stand on every row of a line by its weight, so their sum is that of the lines. */
const STATS = (counted: string, where: string): string => `
  SELECT json_build_object('totalConversions', s.conversions, 'totalRevenue', s.revenue, 'totalRefunded', s.refunded,
    'avgOrderValue', CASE WHEN s.conversions = 0 THEN 0 ELSE round(s.revenue / s.conversions, 2) END,
    'newCustomers', s.new_customers, 'statusBreakdown', s.statuses) ::jsonb AS stats
  FROM (SELECT count(*) FILTER (WHERE ${counted}) AS conversions, coalesce(sum(v.attributed_amount), 0) AS revenue,
      coalesce(sum(v.refunded_amount), 0) AS refunded,
      count(*) FILTER (WHERE v.is_new_customer AND ${counted}) AS new_customers,
      json_build_object(${CONVERSION_STATUSES.map((status) => `'${status}', count(*) FILTER (WHERE v.status = '${status}' AND ${counted})`).join(', ')}) AS statuses
    FROM conversion_events v WHERE ${where}) s`;

const ONE = (
  wire: string,
): string => `SELECT (${wire})::text AS conversion, v.version FROM conversion_events v
  WHERE v.program_id = $1 AND v.id = $2 AND ($3::uuid IS NULL OR v.partner_id = $3)`;

const access = { scope: 'conversions:read', partnerAccess: 'own' } as const;

/** Lists and statistics of conversions: a partner's own, or everyone's for staff. */
export function conversionReadRoutes(app: ServiceApp, deps: TrackingDeps): void {
  app.route({
    method: 'GET',
    url: '/tracking/conversions',
    schema: { querystring: listQuery, response: { 200: list(conversionSchema) } },
    config: {
      operationId: 'listConversions',
      summary: 'List conversions, newest first',
      description:
        'Listed by the time of the order: `createdAt` is another name of `convertedAt` for `sort`, also where an order was reported or imported later.',
      ...access,
    },
    handler: async ({ query, identity }, reply) => {
      const selection = await selectConversions(deps, identity, query);
      return sendJsonText(reply, await readList(deps.reads, sourceFor(identity), selection, query));
    },
  });
  app.route({
    method: 'GET',
    url: '/tracking/conversions/stats',
    schema: { querystring: statsQuery, response: { 200: success(statsSchema) } },
    config: { operationId: 'getConversionStats', summary: 'Sum up conversions in one currency', ...access },
    handler: async ({ query, identity }, reply) => {
      const currency = query.currency ?? (await deps.settings.current(identity.programId)).currency;
      const selection = await selectConversions(deps, identity, { ...query, currency });
      const ofOnePartner = (ownPartnerOnly(identity) ?? query.partnerId) !== undefined;
      const text = STATS(ofOnePartner ? 'TRUE' : 'v.is_primary', selection.conditions.join(' AND '));
      const [row] = await deps.reads.query<{ stats: object }>(text, selection.parameters.values);
      return sendJsonText(reply, successText(JSON.stringify({ currency, ...row?.stats })));
    },
  });
  app.route({
    method: 'GET',
    url: '/tracking/conversions/:id',
    schema: { params: idParams, response: { 200: success(conversionSchema) } },
    config: {
      operationId: 'getConversion',
      summary: 'Get a conversion',
      description: 'ETag is its version, for the If-Match of what changes it.',
      errors: [errors.CONVERSION_NOT_FOUND],
      ...access,
    },
    handler: async ({ params, identity }, reply) => {
      const values = [identity.programId, params.id, ownPartnerOnly(identity) ?? null];
      const [row] = await deps.db.query<{ conversion: string; version: number }>(
        ONE(wireFor(identity)),
        values,
      );
      if (row === undefined) throw new AppError(errors.CONVERSION_NOT_FOUND, 'There is no such conversion');
      return sendJsonText(reply.header('etag', versionEtag(row.version)), successText(row.conversion));
    },
  });
}
