import { isTimeZone } from '@tributary/http-kit';
import type { Database } from '@tributary/schema';

const FIND = `SELECT value FROM settings WHERE program_id = $1 AND key = 'reportingTimeZone'`;

/** Where bare dates begin: as the programme's setting says, and `byDefault` (REPORTING_TZ) until it was made. */
export async function reportingTimeZoneOf(
  db: Pick<Database, 'query'>,
  programId: string,
  byDefault: string,
): Promise<string> {
  const [setting] = await db.query<{ value: unknown }>(FIND, [programId]);
  const zone = setting?.value;
  return typeof zone === 'string' && isTimeZone(zone) ? zone : byDefault;
}
