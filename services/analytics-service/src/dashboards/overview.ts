import type { Database } from '@tributary/schema';
import { z } from 'zod';
import type { Scope } from '@tributary/rollups';
import { attentionSchema, readAttention } from './attention.ts';
import { funnelSchema, readFunnel } from './funnel.ts';
import { kpiSchema, readKpi } from './kpi.ts';
import type { DashboardRequest } from './requests.ts';
import { readTrends, trendPointSchema } from './trends.ts';

export const overviewSchema = z.object({
  kpi: kpiSchema,
  funnel: funnelSchema,
  trends: z.array(trendPointSchema),
  attention: z.array(attentionSchema),
});

export type Overview = z.output<typeof overviewSchema>;

/** A landing page in one answer. */
export async function readOverview(
  db: Pick<Database, 'query'>,
  scope: Scope,
  { range, cover, starts }: Pick<DashboardRequest, 'range' | 'cover'> & { starts: readonly Date[] },
): Promise<Overview> {
  const [kpi, funnel, trends, attention] = await Promise.all([
    readKpi(db, scope, { range, cover }),
    readFunnel(db, scope, cover),
    readTrends(db, scope, { range, starts }),
    readAttention(db, scope),
  ]);
  return { kpi, funnel, trends, attention };
}
