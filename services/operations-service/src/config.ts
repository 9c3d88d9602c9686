import { isTimeZone } from '@tributary/http-kit';
import { processSettings } from '@tributary/runtime';
import { z } from 'zod';

/** Everything this service reads from its environment. */
export const configSchema = z.object({
  ...processSettings,
  /** Where bare dates begin until the setting reportingTimeZone is made. */
  REPORTING_TZ: z.string().default('UTC').refine(isTimeZone, 'must be an IANA time zone'),
});
