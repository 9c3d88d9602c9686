import { isTimeZone } from '@tributary/http-kit';
import type { AttributionSettings } from '@tributary/commissions';
import { ATTRIBUTION_MODELS, type Database } from '@tributary/schema';
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

const attributionSchema = z.object({
  attributionModel: z.enum(ATTRIBUTION_MODELS).catch('last_touch'),
  attributionWindowDays: z.int().min(1).max(365).catch(30),
});

/** Who is credited for imported orders; tracking-service reads the same settings for posted ones. */
async function readAttributionSettings(
  db: Pick<Database, 'query'>,
  programId: string,
): Promise<AttributionSettings> {
  return attributionSchema.parse(await readStored(db, programId, Object.keys(attributionSchema.shape)));
}

/** The same, read again whenever statements have seen another state of the settings than before. */
export function attributionSettingsAsSeen(db: Pick<Database, 'query'>, programId: string) {
  let seenBefore: string | undefined;
  let settings: Promise<AttributionSettings> | undefined;
  return {
    current(_programId: string, seen?: string): Promise<AttributionSettings> {
      if (settings === undefined || seen !== seenBefore) settings = readAttributionSettings(db, programId);
      seenBefore = seen;
      return settings;
    },
  };
}

async function readStored(
  db: Pick<Database, 'query'>,
  programId: string,
  keys: readonly string[],
): Promise<Record<string, unknown>> {
  const rows = await db.query<{ key: string; value: unknown }>(SETTINGS, [programId, [...keys]]);
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}

/** Reads the settings as they are now: jobs ask seldom, and a pause switch must hold at once. */
export async function readJobSettings(db: Pick<Database, 'query'>, programId: string): Promise<JobSettings> {
  return settingsSchema.parse(await readStored(db, programId, KEYS));
}
