import { settingsRevision } from '@tributary/commissions';
import { isTimeZone } from '@tributary/http-kit';
import { cacheMetrics, type Metrics } from '@tributary/runtime';
import { ATTRIBUTION_MODELS, isCurrency, type Database } from '@tributary/schema';
import { z } from 'zod';
import { createCache, getSeen } from '../catalog/cache.ts';

const MAX_WINDOW_DAYS = 365;

/** The settings that tracking obeys. A row that is missing, or holds what no release of ours wrote, means the default. */
const settingsSchema = z.object({
  attributionModel: z.enum(ATTRIBUTION_MODELS).catch('last_touch'),
  attributionWindowDays: z.int().min(1).max(MAX_WINDOW_DAYS).catch(30),
  currency: z.string().refine(isCurrency).catch('USD'),
  reportingTimeZone: z.string().refine(isTimeZone).catch('UTC'),
});

export type ActiveSettings = Readonly<z.output<typeof settingsSchema>> & {
  /** Which state of the programme's settings this is. */
  readonly revision: string;
};

export interface SettingsSource {
  /** From memory, unless what is remembered is of another revision than the one just `seen`. */
  current(programId: string, seen?: string): Promise<ActiveSettings>;
  clear(): void;
}

/** A row without a key where nothing is set. */
const SETTINGS = `
  SELECT r.revision, s.key, s.value FROM (SELECT ${settingsRevision('$1')} AS revision) r
  LEFT JOIN settings s ON s.program_id = $1 AND s.key = ANY($2::text[])`;
type Row = { revision: string; key: string | null; value: unknown };
const KEYS = Object.keys(settingsSchema.shape);
const TTL_MS = 5 * 60_000;
const MAX_PROGRAMS = 100;

export function createSettings(deps: {
  readonly db: Pick<Database, 'query'>;
  readonly metrics: Metrics;
  readonly isWatched: () => boolean;
  /** Of the process's environment; the setting wins. */
  readonly reportingTimeZone: string;
}): SettingsSource {
  const { reportingTimeZone } = deps;
  const cache = createCache<ActiveSettings>({
    load: async (programId) => {
      const rows = await deps.db.query<Row>(SETTINGS, [programId, KEYS]);
      const stored = Object.fromEntries(
        rows.flatMap(({ key, value }) => (key === null ? [] : [[key, value]])),
      );
      const settings = settingsSchema.parse({ reportingTimeZone, ...stored });
      return { ...settings, revision: rows[0]?.revision ?? '' };
    },
    isWatched: deps.isWatched,
    ttlMs: TTL_MS,
    maxEntries: MAX_PROGRAMS,
    metrics: cacheMetrics(deps.metrics, 'settings'),
  });
  return {
    current: (programId, seen) => getSeen(cache, programId, seen),
    clear: () => cache.clear(),
  };
}
