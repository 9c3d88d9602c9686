import type { CacheMetrics, Clock } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { knownSettings, SETTING_DEFAULTS, type Settings } from './known-settings.ts';

/** The settings in force, remembered for a short while. */
export interface SettingsReader {
  current(programId: string): Promise<Settings>;
  /** What date filters are resolved with. */
  reportingClock(programId: string): Promise<{ timeZone: string; now: Date }>;
  /** A setting changed, or changes may have been missed. */
  forget(): void;
}

/** A change is announced; this is how long one that was not heard of (NATS away) may go unnoticed. */
const REMEMBERED_MS = 10_000;

const ALL = 'SELECT key, value FROM settings WHERE program_id = $1';

export interface SettingsReaderDeps {
  readonly db: Pick<Database, 'query'>;
  readonly clock: Clock;
  readonly cache: CacheMetrics;
  /** REPORTING_TZ: holds where the setting was never made. */
  readonly reportingTimeZone: string;
}

export function createSettingsReader({
  db,
  clock,
  cache,
  reportingTimeZone,
}: SettingsReaderDeps): SettingsReader {
  const remembered = new Map<string, { readonly at: number; readonly settings: Promise<Settings> }>();

  async function read(programId: string): Promise<Settings> {
    const rows = await db.query<{ key: string; value: unknown }>(ALL, [programId]);
    const stored = Object.fromEntries(rows.map(({ key, value }) => [key, value]));
    return withDefaults(stored, { ...SETTING_DEFAULTS, reportingTimeZone });
  }

  function current(programId: string): Promise<Settings> {
    const known = remembered.get(programId);
    const now = performance.now();
    if (known !== undefined && now - known.at < REMEMBERED_MS) {
      cache.hit();
      return known.settings;
    }
    cache.miss();
    const settings = read(programId);
    remembered.set(programId, { at: now, settings });
    settings.catch(() => remembered.delete(programId));
    return settings;
  }

  return {
    current,
    async reportingClock(programId) {
      const { reportingTimeZone: timeZone } = await current(programId);
      return { timeZone, now: clock() };
    },
    forget: () => remembered.clear(),
  };
}

/** A stored value that is none (any more) is passed by: a row that somebody edited by hand must not stop the service. */
export function withDefaults(stored: Readonly<Record<string, unknown>>, defaults: Settings): Settings {
  const entries = Object.entries(knownSettings.shape).flatMap(([key, schema]) => {
    const parsed = schema.safeParse(stored[key]);
    return parsed.success ? [[key, parsed.data]] : [];
  });
  return { ...defaults, ...(Object.fromEntries(entries) as Partial<Settings>) };
}
