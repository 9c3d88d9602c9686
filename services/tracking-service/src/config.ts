import { isTimeZone } from '@tributary/http-kit';
import { integerSetting, listSetting, processSettings, secret } from '@tributary/runtime';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import type { TrackingOptions } from './app.ts';

const networks = listSetting().superRefine((entries, context) => {
  for (const entry of entries) {
    if (!ipaddr.isValidCIDR(entry) && !ipaddr.isValid(entry)) {
      context.addIssue({ code: 'custom', message: `"${entry}" is neither an address nor a network` });
    }
  }
});

const EXAMPLE_SHOP = 'https://shop.example.com';

/** As origins, the first of which always exists. */
const origins = listSetting().transform((entries, context): [string, ...string[]] => {
  const parsed: string[] = [];
  for (const entry of entries) {
    const url = URL.parse(entry.includes('://') ? entry : `https://${entry}`);
    if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.username !== '') {
      context.addIssue({ code: 'custom', message: `"${entry}" is not a host or an http(s) origin` });
      continue;
    }
    parsed.push(url.origin);
  }
  const [first = EXAMPLE_SHOP, ...others] = parsed;
  return [first, ...others];
});

/** Everything the tracking service reads from its environment. */
export const configSchema = z.object({
  ...processSettings,
  /** Key of the hashes of visitors, fingerprints and customers; whoever changes it forgets all of them. */
  HASH_PEPPER: secret(z.string().min(16)),
  /** Hosts (meaning https) or origins that a tracking link may lead to; the first is where a link leads that names none of them. */
  ALLOWED_DESTINATIONS: origins,
  /** Addresses and networks whose clicks are our own people's. */
  INTERNAL_NETWORKS: networks,
  /** How long a redirect waits for its click to be stored before it goes on without. */
  REDIRECT_WAIT_MS: integerSetting(1, 10_000).default(250),
  /** Where bare dates begin, unless the programme has set it. */
  REPORTING_TZ: z.string().refine(isTimeZone, 'must be an IANA time zone').default('UTC'),
});

/** What of the configuration the app is built with. */
export function settingsFrom(config: Readonly<z.output<typeof configSchema>>): TrackingOptions['settings'] {
  return {
    hashPepper: config.HASH_PEPPER,
    allowedDestinations: config.ALLOWED_DESTINATIONS,
    internalNetworks: config.INTERNAL_NETWORKS,
    redirectWaitMs: config.REDIRECT_WAIT_MS,
    secureCookies: config.NODE_ENV === 'production',
    reportingTimeZone: config.REPORTING_TZ,
  };
}
