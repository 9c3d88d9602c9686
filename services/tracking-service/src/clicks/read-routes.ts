import { instant, type Parameters } from '@tributary/commissions';
import {
  AppError,
  dateRangeQuery,
  idField,
  idParams,
  list,
  ownPartnerOnly,
  pageQuery,
  partnerFilter,
  resolveDateRange,
  sendJsonText,
  success,
  successText,
  timestamp,
  type DateRange,
  withOrderedDates,
  type Identity,
  type ServiceApp,
} from '@tributary/http-kit';
import { CLICK_SOURCES, CLICK_STATUSES } from '@tributary/schema';
import { z } from 'zod';
import type { TrackingDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { countDays, countRows } from './click-stats.ts';
import { readList, type ListSource, type Selection } from '../lists/read-list.ts';
import { selectRows } from '../lists/selection.ts';

const text = z.string().nullable();

/** A click on the wire: without its hashes. */
const clickSchema = z.object({
  id: z.uuid(),
  partnerId: z.uuid().nullable(),
  productId: z.uuid().nullable(),
  referralCode: z.string(),
  subId: text,
  landingUrl: text,
  referrer: text,
  utm: z.object({ source: text, medium: text, campaign: text }),
  source: z.enum(CLICK_SOURCES),
  status: z.enum(CLICK_STATUSES),
  ipAnonymized: text,
  userAgent: text,
  clickedAt: timestamp,
});

const WIRE = `json_build_object('id', c.id, 'partnerId', c.partner_id, 'productId', c.product_id,
  'referralCode', c.referral_code, 'subId', c.sub_id, 'landingUrl', c.landing_url, 'referrer', c.referrer,
  'utm', json_build_object('source', c.utm_source, 'medium', c.utm_medium, 'campaign', c.utm_campaign),
  'source', c.source, 'status', c.status, 'ipAnonymized', c.ip_anonymized, 'userAgent', c.user_agent,
  'clickedAt', ${instant('c.clicked_at')})`;

const SOURCE: ListSource = { from: 'referral_clicks c', alias: 'c', wire: WIRE, time: 'c.clicked_at' };

const filters = {
  partnerId: idField.optional(),
  productId: idField.optional(),
  referralCode: z.string().min(1).max(50).optional(),
  subId: z.string().min(1).max(200).optional(),
  ...dateRangeQuery(),
};

const listQuery = withOrderedDates(
  z.strictObject({
    ...pageQuery({ sort: ['clickedAt', 'createdAt'], defaultSort: '-clickedAt' }),
    ...filters,
    status: z.enum(CLICK_STATUSES).optional(),
    source: z.enum(CLICK_SOURCES).optional(),
  }),
);
const statsQuery = withOrderedDates(z.strictObject(filters));

type Asked = z.output<typeof statsQuery> & {
  readonly status?: string | undefined;
  readonly source?: string | undefined;
};

async function rangeOf(deps: TrackingDeps, { programId }: Identity, asked: Asked): Promise<DateRange> {
  const { reportingTimeZone: timeZone } = await deps.settings.current(programId);
  return resolveDateRange(asked, { timeZone, now: deps.clock() });
}

async function selectClicks(deps: TrackingDeps, identity: Identity, asked: Asked): Promise<Selection> {
  const selection = selectRows({
    alias: 'c',
    time: 'c.clicked_at',
    range: await rangeOf(deps, identity, asked),
    identity,
    partnerId: asked.partnerId,
    filters: [
      { column: 'c.product_id', type: 'uuid', value: asked.productId },
      { column: 'c.sub_id', type: 'text', value: asked.subId },
      { column: 'c.status', type: 'text', value: asked.status },
      { column: 'c.source', type: 'text', value: asked.source },
    ],
  });
  if (asked.referralCode === undefined) return selection;
  const { parameters, conditions } = selection;
  return { parameters, conditions: [...conditions, ...byCode(parameters, identity, asked.referralCode)] };
}

/** A code is one partner's for good, whatever its case, and by partners clicks have an index. */
function byCode(parameters: Parameters, { programId }: Identity, referralCode: string): string[] {
  const code = `lower(${parameters.add(referralCode, 'text')})`;
  return [
    `lower(c.referral_code) = ${code}`,
    `c.partner_id = (SELECT k.partner_id FROM referral_codes k
      WHERE k.program_id = ${parameters.add(programId, 'text')} AND lower(k.code) = ${code})`,
  ];
}

const count = z.int();
const statsSchema = z.object({
  /** Valid ones: those that count. */
  totalClicks: count,
  statusBreakdown: z.object(Object.fromEntries(CLICK_STATUSES.map((status) => [status, count]))),
  sourceBreakdown: z.object(Object.fromEntries(CLICK_SOURCES.map((source) => [source, count]))),
});

/** By product, code or sub-id there is no rollup: such clicks are few, or found by an index. */
async function countClicks(deps: TrackingDeps, identity: Identity, asked: Asked): Promise<string> {
  const { partnerId, none } = partnerFilter(identity, asked.partnerId);
  const isNarrowed = [asked.productId, asked.referralCode, asked.subId].some((value) => value !== undefined);
  if (isNarrowed || none) return countRows(deps.reads, await selectClicks(deps, identity, asked));
  const range = await rangeOf(deps, identity, asked);
  return countDays(deps.reads, { programId: identity.programId, partnerId, range });
}

const ONE = `SELECT (${WIRE})::text AS click FROM referral_clicks c
  WHERE c.program_id = $1 AND c.id = $2 AND ($3::uuid IS NULL OR c.partner_id = $3)`;

const access = { scope: 'conversions:read', partnerAccess: 'own' } as const;

/** Lists and statistics of clicks: a partner's own, or everyone's for staff. */
export function clickReadRoutes(app: ServiceApp, deps: TrackingDeps): void {
  app.route({
    method: 'GET',
    url: '/tracking/clicks',
    schema: { querystring: listQuery, response: { 200: list(clickSchema) } },
    config: {
      operationId: 'listClicks',
      summary: 'List clicks, newest first',
      description:
        'A click is created when it is made: `createdAt` is another name of `clickedAt` for `sort`.',
      ...access,
    },
    handler: async ({ query, identity }, reply) =>
      sendJsonText(
        reply,
        await readList(deps.reads, SOURCE, await selectClicks(deps, identity, query), query),
      ),
  });
  app.route({
    method: 'GET',
    url: '/tracking/clicks/stats',
    schema: { querystring: statsQuery, response: { 200: success(statsSchema) } },
    config: { operationId: 'getClickStats', summary: 'Count clicks by status and source', ...access },
    handler: async ({ query, identity }, reply) => {
      return sendJsonText(reply, successText(await countClicks(deps, identity, query)));
    },
  });
  app.route({
    method: 'GET',
    url: '/tracking/clicks/:id',
    schema: { params: idParams, response: { 200: success(clickSchema) } },
    config: { operationId: 'getClick', summary: 'Get a click', errors: [errors.CLICK_NOT_FOUND], ...access },
    handler: async ({ params, identity }, reply) => {
      const values = [identity.programId, params.id, ownPartnerOnly(identity) ?? null];
      const [row] = await deps.db.query<{ click: string }>(ONE, values);
      if (row === undefined) throw new AppError(errors.CLICK_NOT_FOUND, 'There is no such click');
      return sendJsonText(reply, successText(row.click));
    },
  });
}
