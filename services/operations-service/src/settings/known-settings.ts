import { currencyCode, isTimeZone } from '@tributary/http-kit';
import { ATTRIBUTION_MODELS } from '@tributary/schema';
import { z } from 'zod';

/**
 * Everything that changes results and may be set while running; `settings.key` holds these names. What is not set has
 * the default.
 */
export const knownSettings = z.strictObject({
  /** Where a bare date in a query begins, and the days of dashboards. */
  reportingTimeZone: z
    .string()
    .max(64)
    .refine(isTimeZone, 'must be an IANA time zone, such as Europe/Berlin'),
  /** The programme's currency: of dashboards by default, of tier marks, and of policies that name none. */
  currency: currencyCode,
  attributionModel: z.enum(ATTRIBUTION_MODELS),
  attributionWindowDays: z.int().min(1).max(365),
  /** Of policies that name none. */
  defaultHoldDays: z.int().min(0).max(3_650),
  /** While on, the nightly confirmation does nothing. */
  pauseBatchConfirmation: z.boolean(),
  /** While on, no commission is paid. */
  pausePayments: z.boolean(),
});

export type Settings = z.output<typeof knownSettings>;
export type SettingKey = keyof Settings;

export const SETTING_KEYS = Object.keys(knownSettings.shape) as SettingKey[];

export const SETTING_DEFAULTS: Settings = {
  reportingTimeZone: 'UTC',
  currency: 'USD',
  attributionModel: 'last_touch',
  attributionWindowDays: 30,
  defaultHoldDays: 7,
  pauseBatchConfirmation: false,
  pausePayments: false,
};
