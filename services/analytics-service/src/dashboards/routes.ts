import { listMeta, listMetaSchema, queryInteger, successWithMeta } from '@tributary/http-kit';
import type { ServiceApp } from '@tributary/http-kit';
import { z } from 'zod';
import {
  funnelDrilldown,
  kpiDrilldown,
  overviewDrilldown,
  partnerDrilldown,
  policyDrilldown,
  trendsDrilldown,
} from './drilldown.ts';
import { funnelSchema, readFunnel } from './funnel.ts';
import { kpiSchema, readKpi } from './kpi.ts';
import { overviewSchema, readOverview } from './overview.ts';
import { partnerTierSchema, readPartnerTiers } from './partner-tiers.ts';
import { policyPerformanceSchema, readPolicyPerformance } from './policy-performance.ts';
import {
  answer,
  dashboardQuery,
  intervalQuery,
  metaFields,
  metaSchema,
  resolveRequest,
  seriesOf,
} from './requests.ts';
import type { DashboardDeps } from './requests.ts';
import { readTrends, trendPointSchema } from './trends.ts';

/** Partners call all of these as well, and see their own figures. */
const access = { scope: 'analytics:read', partnerAccess: 'own' } as const;

export function dashboardRoutes(app: ServiceApp, deps: DashboardDeps): void {
  funnelRoute(app, deps);
  policyPerformanceRoute(app, deps);
  partnerTiersRoute(app, deps);
  kpiRoute(app, deps);
  trendsRoute(app, deps);
  overviewRoute(app, deps);
}

function funnelRoute(app: ServiceApp, deps: DashboardDeps): void {
  app.route({
    method: 'GET',
    url: '/dashboard/funnel',
    schema: {
      querystring: z.strictObject(dashboardQuery),
      response: { 200: successWithMeta(funnelSchema, metaSchema) },
    },
    config: { ...access, operationId: 'getFunnel', summary: 'From click to conversion to commission' },
    handler: async (request) => {
      const resolved = await resolveRequest(deps, request.identity, request.query);
      return answer(deps, resolved, {
        name: 'funnel',
        drilldown: funnelDrilldown,
        compute: () => readFunnel(deps.db, resolved.scope, resolved.cover),
      });
    },
  });
}

function policyPerformanceRoute(app: ServiceApp, deps: DashboardDeps): void {
  app.route({
    method: 'GET',
    url: '/dashboard/policy-performance',
    schema: {
      querystring: z.strictObject(dashboardQuery),
      response: { 200: successWithMeta(z.array(policyPerformanceSchema), metaSchema) },
    },
    config: {
      ...access,
      operationId: 'getPolicyPerformance',
      summary: 'What each policy cost and brought; for a partner, of its own commissions',
    },
    handler: async (request) => {
      const resolved = await resolveRequest(deps, request.identity, request.query);
      return answer(deps, resolved, {
        name: 'policy-performance',
        drilldown: policyDrilldown,
        compute: () => readPolicyPerformance(deps.db, resolved.scope, resolved.cover),
      });
    },
  });
}

function partnerTiersRoute(app: ServiceApp, deps: DashboardDeps): void {
  app.route({
    method: 'GET',
    url: '/dashboard/partner-tiers',
    schema: {
      querystring: z.strictObject({
        ...dashboardQuery,
        page: queryInteger(1, 10_000).default(1),
        limit: queryInteger(1, 100).default(20),
      }),
      response: {
        200: successWithMeta(
          z.array(partnerTierSchema),
          z.object({ ...metaFields, ...listMetaSchema.shape }),
        ),
      },
    },
    config: {
      ...access,
      operationId: 'getPartnerTiers',
      summary: 'What each partner achieved and which tier that speaks for; for a partner, its own row',
    },
    handler: async (request) => {
      const { page, limit } = request.query;
      const resolved = await resolveRequest(deps, request.identity, request.query);
      const { scope, cover, context } = resolved;
      const { data, meta, success } = await answer(deps, resolved, {
        name: `partner-tiers ${page} ${limit} ${context.currency}`,
        drilldown: partnerDrilldown,
        compute: () => readPartnerTiers(deps.db, scope, { cover, currency: context.currency, page, limit }),
      });
      return {
        success,
        data: data.rows,
        meta: { ...meta, ...listMeta({ counted: data.total, page, limit }) },
      };
    },
  });
}

function kpiRoute(app: ServiceApp, deps: DashboardDeps): void {
  app.route({
    method: 'GET',
    url: '/dashboard/kpi',
    schema: {
      querystring: z.strictObject(dashboardQuery),
      response: { 200: successWithMeta(kpiSchema, metaSchema) },
    },
    config: {
      ...access,
      operationId: 'getKpi',
      summary: 'The key figures, the tops, and what is pending and ready for payment now',
    },
    handler: async (request) => {
      const resolved = await resolveRequest(deps, request.identity, request.query);
      return answer(deps, resolved, {
        name: 'kpi',
        drilldown: kpiDrilldown,
        compute: () => readKpi(deps.db, resolved.scope, resolved),
      });
    },
  });
}

function trendsRoute(app: ServiceApp, deps: DashboardDeps): void {
  app.route({
    method: 'GET',
    url: '/dashboard/trends',
    schema: {
      querystring: z.strictObject({ ...dashboardQuery, ...intervalQuery }),
      response: { 200: successWithMeta(z.array(trendPointSchema), metaSchema) },
    },
    config: {
      ...access,
      operationId: 'getTrends',
      summary: 'Clicks, conversions and commissions over time, in the reporting time zone',
    },
    handler: async (request) => {
      const { interval } = request.query;
      const resolved = await resolveRequest(deps, request.identity, request.query);
      const starts = seriesOf(resolved, interval);
      return answer(deps, resolved, {
        name: `trends ${interval}`,
        drilldown: trendsDrilldown,
        compute: () => readTrends(deps.db, resolved.scope, { range: resolved.range, starts }),
      });
    },
  });
}

function overviewRoute(app: ServiceApp, deps: DashboardDeps): void {
  app.route({
    method: 'GET',
    url: '/dashboard/overview',
    schema: {
      querystring: z.strictObject({ ...dashboardQuery, ...intervalQuery }),
      response: { 200: successWithMeta(overviewSchema, metaSchema) },
    },
    config: {
      ...access,
      operationId: 'getOverview',
      summary: 'Key figures, funnel, trends and what needs attention, in one answer',
    },
    handler: async (request) => {
      const { interval } = request.query;
      const resolved = await resolveRequest(deps, request.identity, request.query);
      const starts = seriesOf(resolved, interval);
      return answer(deps, resolved, {
        name: `overview ${interval}`,
        drilldown: overviewDrilldown,
        compute: () => readOverview(deps.db, resolved.scope, { ...resolved, starts }),
      });
    },
  });
}
