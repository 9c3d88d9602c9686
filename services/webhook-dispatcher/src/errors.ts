import { defineErrors } from '@tributary/http-kit';

/** What this service refuses, beyond what any route may answer. */
export const errors = defineErrors({
  PARTNER_NOT_FOUND: { status: 404, title: 'No such partner' },
  WEBHOOK_ENDPOINT_NOT_FOUND: { status: 404, title: 'No such webhook endpoint' },
  WEBHOOK_DELIVERY_NOT_FOUND: { status: 404, title: 'No such webhook delivery' },
  WEBHOOK_ENDPOINT_LIMIT: { status: 409, title: 'The partner has as many webhook endpoints as it may' },
  WEBHOOK_ENDPOINT_DISABLED: { status: 409, title: 'The webhook endpoint is switched off' },
  WEBHOOK_DELIVERY_IN_PROGRESS: { status: 409, title: 'The delivery is being attempted right now' },
});
