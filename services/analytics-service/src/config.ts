import { isTimeZone } from '@tributary/http-kit';
import { processSettings } from '@tributary/runtime';
import { z } from 'zod';

/** The settings of the analytics-service. What changes results (time zone, currency) is in the table `settings`. */
export const configSchema = z.object({
  ...processSettings,
  /** Holds where the setting was never made, as in every service. */
  REPORTING_TZ: z.string().default('UTC').refine(isTimeZone, 'must be an IANA time zone'),
});

export type AnalyticsConfig = Readonly<z.output<typeof configSchema>>;
