import { requireRows, type CommandContext, type CommandDeps } from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import { writeRecorded } from '../changes/recorded-write.ts';
import { SETTING_KEYS, type SettingKey, type Settings } from './known-settings.ts';
import { withDefaults } from './settings-reader.ts';

interface StoredSetting {
  readonly key: string;
  readonly value: unknown;
  readonly version: number;
  readonly updatedAt: Date;
}

/** All settings as they stand; `version` moves on with each change of any of them. */
export interface SettingsState {
  readonly version: number;
  readonly settings: readonly {
    readonly key: SettingKey;
    readonly value: Settings[SettingKey];
    /** 0 for one that was never set and has its default. */
    readonly version: number;
    readonly updatedAt: string | null;
  }[];
}

const ALL = 'SELECT key, value, version, updated_at FROM settings WHERE program_id = $1';

export async function readSettings(
  db: Pick<Database, 'query'>,
  programId: string,
  defaults: Settings,
): Promise<SettingsState> {
  const rows = await db.query<StoredSetting>(ALL, [programId]);
  return stateOf(rows, defaults);
}

function stateOf(rows: readonly StoredSetting[], defaults: Settings): SettingsState {
  const values = withDefaults(Object.fromEntries(rows.map(({ key, value }) => [key, value])), defaults);
  const settings = SETTING_KEYS.map((key) => {
    const row = rows.find((stored) => stored.key === key);
    return {
      key,
      value: values[key],
      version: row?.version ?? 0,
      updatedAt: row?.updatedAt.toISOString() ?? null,
    };
  });
  return { version: rows.reduce((sum, { version }) => sum + version, 0), settings };
}

export interface SettingChange {
  readonly key: SettingKey;
  readonly value: Settings[SettingKey];
  /** The version that was read; 0 where there was none. */
  readonly version: number;
  readonly oldValue: unknown;
}

/**
 * Writes all of these settings or none, each with an audit row and an event.
 * @returns the JSON text of the settings as they are now; undefined when one of them had moved on
 */
export function writeSettings(
  deps: CommandDeps,
  context: CommandContext,
  changes: readonly SettingChange[],
  after: SettingsState,
): Promise<string | undefined> {
  return writeRecorded(deps, context, (parameters, c) => {
    const records = parameters.add(
      changes.map(({ key, value, version, oldValue }) => ({ key, value, version, old_value: oldValue })),
      'jsonb',
    );
    return {
      ctes: [
        `change AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(${records}) AS x(key text, value jsonb, version int, old_value jsonb) ORDER BY key)`,
        `stored AS (
        INSERT INTO settings AS s (program_id, key, value, version, updated_at)
        SELECT ${c.programId}, x.key, x.value, 1, ${c.now} FROM change x
        ON CONFLICT (program_id, key) DO UPDATE SET value = excluded.value, version = s.version + 1, updated_at = ${c.now}
          WHERE s.version = (SELECT x.version FROM change x WHERE x.key = s.key)
        RETURNING s.*)`,
        `written AS (SELECT s.*, x.old_value FROM stored s JOIN change x ON x.key = s.key)`,
      ],
      entityType: 'setting',
      entityId: 'r.key',
      action: 'updated',
      changes: `jsonb_build_array(jsonb_build_object('field', r.key, 'oldValue', r.old_value, 'newValue', r.value))`,
      events: [
        {
          type: 'setting.changed',
          subject: `jsonb_build_object('key', r.key)`,
          data: `jsonb_build_object('key', r.key, 'version', r.version)`,
        },
      ],
      answer: parameters.add(after, 'jsonb'),
      requires: { settings_hold: requireRows('written', String(changes.length)) },
    };
  });
}
