import { isTimeZone } from '@tributary/http-kit';
import { integerSetting, processSettings } from '@tributary/runtime';
import { z } from 'zod';

/** Everything the batch scheduler reads from its environment. */
export const configSchema = z.object({
  ...processSettings,
  /** Of nightly schedules, where the setting `reportingTimeZone` was never made. */
  REPORTING_TZ: z.string().default('UTC').refine(isTimeZone, 'must be a time zone'),
  /** Jobs at once in this process. */
  JOB_CONCURRENCY: integerSetting(1, 64).default(4),
  /** After how long without a sign of life a job is taken over. */
  JOB_LEASE_MS: integerSetting(500, 600_000).default(9_000),
  /** How often to look for jobs that nobody announced. */
  JOB_POLL_MS: integerSetting(50, 60_000).default(2_000),
});

export type SchedulerConfig = Readonly<z.output<typeof configSchema>>;
