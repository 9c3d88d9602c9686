import { z } from 'zod';
import { checkUrl } from '../ssrf/check-url.ts';
import type { AddressPolicy } from '../ssrf/classify-address.ts';

/** Where webhooks may go, as far as a URL says so by itself. */
export const urlField = (policy: AddressPolicy) =>
  z
    .string()
    .min(1)
    .max(2_000)
    .superRefine((text, context) => {
      if (text === '') return;
      const check = checkUrl(text, policy);
      if (check.outcome === 'refused') context.addIssue({ code: 'custom', message: check.reason });
    })
    .meta({ description: 'https; no credentials, no fragment, a public host' });
