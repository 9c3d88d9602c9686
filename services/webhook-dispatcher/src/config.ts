import { integerSetting, listSetting, processSettings, secret, setting } from '@tributary/runtime';
import { isTimeZone } from '@tributary/http-kit';
import { z } from 'zod';
import { isEncryptionKey } from './encryption/secret-box.ts';

const encryptionKey = z.string().refine(isEncryptionKey, 'must be the base64 of 32 bytes');

/** The settings of the webhook-dispatcher. */
export const configSchema = z.object({
  ...processSettings,
  /** The first seals, all open, so that keys rotate without a secret lost. */
  WEBHOOK_ENCRYPTION_KEYS: secret(listSetting().pipe(z.array(encryptionKey).nonempty('must hold a key'))),
  /** Development only: lets endpoints be on this machine, and be spoken to over http wherever they are. */
  WEBHOOK_ALLOW_LOOPBACK: setting('off'),
  WEBHOOK_DEADLINE_MS: integerSetting(100, 60_000).default(5_000),
  WEBHOOK_IN_FLIGHT_PER_PARTNER: integerSetting(1, 1_000).default(10),
  /** Slots. Attempts that overstay give theirs back, so that up to four times as many may be open at once. */
  WEBHOOK_IN_FLIGHT: integerSetting(1, 10_000).default(256),
  WEBHOOK_RATE_PER_PARTNER: integerSetting(1, 100_000).default(100),
  /** Where bare dates begin until the setting reportingTimeZone is made. */
  REPORTING_TZ: z.string().default('UTC').refine(isTimeZone, 'must be a time zone'),
});

export type WebhookConfig = Readonly<z.output<typeof configSchema>>;
