import {
  commonErrors,
  ok,
  requestContext,
  success,
  timestamp,
  versionEtag,
  type ServiceApp,
} from '@tributary/http-kit';
import { z } from 'zod';
import { applyChange, UNCHANGED } from '../changes/apply-change.ts';
import { changesBetween } from '../changes/field-changes.ts';
import { sendRecord } from '../changes/versioned-answer.ts';
import type { OperationsDeps } from '../deps.ts';
import {
  knownSettings,
  SETTING_DEFAULTS,
  SETTING_KEYS,
  type SettingKey,
  type Settings,
} from './known-settings.ts';
import { readSettings, writeSettings, type SettingsState } from './settings-store.ts';

const settingsSchema = z.object({
  version: z.int(),
  settings: z.array(
    z.object({
      key: z.enum(SETTING_KEYS as [SettingKey, ...SettingKey[]]),
      value: z.union([z.string(), z.number(), z.boolean()]),
      version: z.int(),
      updatedAt: timestamp.nullable(),
    }),
  ),
});

const settingsPatch = knownSettings
  .partial()
  .refine((given) => Object.keys(given).length > 0, 'name at least one setting');

interface SettingsRouteDeps extends OperationsDeps {
  /** REPORTING_TZ: the default of the setting. */
  readonly reportingTimeZone: string;
}

/** What changes results. Only whoever may change users and keys may change it: `identity:write`, a super admin's scope. */
export function registerSettings(app: ServiceApp, deps: SettingsRouteDeps): void {
  const defaults: Settings = { ...SETTING_DEFAULTS, reportingTimeZone: deps.reportingTimeZone };

  app.route({
    method: 'GET',
    url: '/settings',
    schema: { response: { 200: success(settingsSchema) } },
    config: {
      operationId: 'getSettings',
      summary: 'Get every setting with its version',
      scope: 'identity:write',
    },
    async handler(request, reply) {
      const state = await readSettings(deps.db, request.identity.programId, defaults);
      reply.header('etag', versionEtag(state.version));
      return ok({ ...state, settings: [...state.settings] });
    },
  });

  app.route({
    method: 'PATCH',
    url: '/settings',
    schema: { body: settingsPatch, response: { 200: success(settingsSchema) } },
    config: {
      operationId: 'updateSettings',
      summary: 'Change settings: all of those named, or none',
      scope: 'identity:write',
      errors: [commonErrors.VERSION_MISMATCH],
    },
    async handler(request, reply) {
      const context = requestContext(request, deps.clock());
      const text = await applyChange(deps.db, request, {
        read: () => readSettings(deps.db, context.programId, defaults),
        write: (before) => {
          const change = decideSettings(before, request.body, context.now);
          return change === undefined
            ? Promise.resolve(UNCHANGED)
            : writeSettings(deps, context, change.changes, change.after);
        },
      });
      deps.settings.forget();
      return sendRecord(reply, text);
    },
  });
}

/** What a request changes; undefined where it asks for what is there. A default that is named is set, and is one no longer. */
function decideSettings(
  before: SettingsState,
  given: { [Key in SettingKey]?: Settings[Key] | undefined },
  now: Date,
) {
  const current = Object.fromEntries(before.settings.map(({ key, value }) => [key, value]));
  const named = SETTING_KEYS.filter((key) => given[key] !== undefined);
  const differing = changesBetween<Record<string, unknown>>(current, given, named).map(({ field }) => field);
  const unset = before.settings.flatMap(({ key, version }) =>
    version === 0 && named.includes(key) ? [key] : [],
  );
  const changed = new Set<string>([...differing, ...unset]);
  if (changed.size === 0) return undefined;
  const settings = before.settings.map((setting) => {
    const value = given[setting.key];
    if (value === undefined || !changed.has(setting.key)) return setting;
    return { ...setting, value, version: setting.version + 1, updatedAt: now.toISOString() };
  });
  const changes = before.settings
    .filter(({ key }) => changed.has(key))
    .map(({ key, value: oldValue, version }) => ({ key, value: given[key] ?? oldValue, version, oldValue }));
  return { changes, after: { version: before.version + changes.length, settings } };
}
