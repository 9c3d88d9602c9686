import { isTimeZone } from '@tributary/http-kit';
import type { Database } from '@tributary/schema';
import { z } from 'zod';

/** The settings that jobs obey. A row that is missing, or holds what no release of ours wrote, means the default. */
const settingsSchema = z.object({
  reportingTimeZone: z.string().refine(isTimeZone).nullable().catch(null),
  pauseBatchConfirmation: z.boolean().catch(false),
  pausePayments: z.boolean().catch(false),
});

export type JobSettings = Readonly<z.output<typeof settingsSchema>>;

const SETTINGS = 'SELECT key, value FROM settings WHERE program_id = $1 AND key = ANY($2::text[])';
const KEYS = Object.keys(settingsSchema.shape);

/** Reads the settings as they are now: jobs ask seldom, and a pause switch must hold at once. */
export async function readJobSettings(db: Pick<Database, 'query'>, programId: string): Promise<JobSettings> {
  const rows = await db.query<{ key: string; value: unknown }>(SETTINGS, [programId, KEYS]);
  return settingsSchema.parse(Object.fromEntries(rows.map(({ key, value }) => [key, value])));
}
