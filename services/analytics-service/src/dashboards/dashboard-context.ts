import { isTimeZone } from '@tributary/http-kit';
import type { Database } from '@tributary/schema';
import type { Progress } from '../rollups/progress.ts';

/** What every dashboard needs to know first; read by one statement. */
export interface DashboardContext extends Progress {
  /** Where calendar days begin. */
  readonly timeZone: string;
  /** The programme's currency. */
  readonly currency: string;
}

const READ = `
  SELECT (SELECT jsonb_object_agg(key, value) FROM settings
      WHERE program_id = $1 AND key IN ('reportingTimeZone', 'currency')) AS settings,
    (SELECT version::text FROM rollup_progress WHERE program_id = $1) AS version,
    (SELECT as_of FROM rollup_progress WHERE program_id = $1) AS as_of`;

interface ContextRow {
  settings: Record<string, unknown> | null;
  version: string | null;
  asOf: Date | null;
}

/** Settings that are absent or make no sense are `reportingTimeZone` (REPORTING_TZ) and USD. */
export async function readContext(
  db: Pick<Database, 'query'>,
  programId: string,
  reportingTimeZone: string,
): Promise<DashboardContext> {
  const [row] = await db.query<ContextRow>(READ, [programId]);
  const zone = row?.settings?.['reportingTimeZone'];
  const currency = row?.settings?.['currency'];
  return {
    timeZone: typeof zone === 'string' && isTimeZone(zone) ? zone : reportingTimeZone,
    currency: typeof currency === 'string' ? currency : 'USD',
    version: row?.version ?? '0',
    asOf: row?.asOf ?? null,
  };
}
