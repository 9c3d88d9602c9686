import { processSettings } from '@tributary/runtime';
import { z } from 'zod';

/** The settings of the analytics-service. What changes results (time zone, currency) is in the table `settings`. */
export const configSchema = z.object({ ...processSettings });

export type AnalyticsConfig = Readonly<z.output<typeof configSchema>>;
