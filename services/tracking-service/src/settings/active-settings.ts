import { isTimeZone } from '@tributary/http-kit';
import { cacheMetrics, type Metrics } from '@tributary/runtime';
import { ATTRIBUTION_MODELS, isCurrency, type Database } from '@tributary/schema';
import { z } from 'zod';
import { createCache } from '../catalog/cache.ts';

const MAX_WINDOW_DAYS = 365;

/** The settings that tracking obeys. A row that is missing, or holds what no release of ours wrote, means the default. */
const settingsSchema = z.object({
  attributionModel: z.enum(ATTRIBUTION_MODELS).catch('last_touch'),
  attributionWindowDays: z.int().min(1).max(MAX_WINDOW_DAYS).catch(30),
  currency: z.string().refine(isCurrency).catch('USD'),
  reportingTimeZone: z.string().refine(isTimeZone).catch('UTC'),
});

export type ActiveSettings = Readonly<z.output<typeof settingsSchema>>;

export interface SettingsSource {
  current(programId: string): Promise<ActiveSettings>;
  clear(): void;
}

const SETTINGS = 'SELECT key, value FROM settings WHERE program_id = $1 AND key = ANY($2::text[])';
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
      const rows = await deps.db.query<{ key: string; value: unknown }>(SETTINGS, [programId, KEYS]);
      const stored = Object.fromEntries(rows.map(({ key, value }) => [key, value]));
      return settingsSchema.parse({ reportingTimeZone, ...stored });
    },
    isWatched: deps.isWatched,
    ttlMs: TTL_MS,
    maxEntries: MAX_PROGRAMS,
    metrics: cacheMetrics(deps.metrics, 'settings'),
  });
  return { current: (programId) => cache.get(programId), clear: () => cache.clear() };
}
