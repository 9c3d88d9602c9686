import { z } from 'zod';

import { defineEvent } from '../definition.ts';
import { idSchema, instantSchema } from '../envelope.ts';
import { exampleIds } from './example-ids.ts';

const WEBHOOK_ENDPOINT_EVENT_STATUSES = ['enabled', 'disabled', 'auto_disabled'] as const;
const JOB_EVENT_TRIGGERS = ['schedule', 'manual', 'catch_up', 'api'] as const;

const endpointDataSchema = z.object({
  endpointId: idSchema,
  partnerId: idSchema,
  url: z.string(),
  status: z.enum(WEBHOOK_ENDPOINT_EVENT_STATUSES),
  /** Empty means every type that partners may see. */
  eventTypes: z.array(z.string()),
  reason: z.string().nullish(),
  /** Since when nothing but failures was seen; only where failures are the reason. */
  failingSince: instantSchema.nullish(),
  /** When it is tried again; only where its circuit opened. */
  circuitOpenUntil: instantSchema.nullish(),
});

type EndpointData = z.output<typeof endpointDataSchema>;

function endpointEvent(description: string, partnerVisible: boolean, change: Partial<EndpointData> = {}) {
  return defineEvent({
    stream: 'CATALOG',
    version: 1,
    description,
    partnerVisible,
    dataSchema: endpointDataSchema,
    example: {
      subject: { endpointId: exampleIds.endpoint, partnerId: exampleIds.partner },
      data: {
        endpointId: exampleIds.endpoint,
        partnerId: exampleIds.partner,
        url: 'https://partner.example/hooks/tributary',
        status: 'enabled',
        eventTypes: ['commission.paid'],
        ...change,
      },
    },
  });
}

const jobSubject = { jobId: exampleIds.job };

export const platformEvents = {
  'webhook_endpoint.created': endpointEvent('A webhook endpoint was registered.', false),
  'webhook_endpoint.updated': endpointEvent('A webhook endpoint changed, or its secret was rotated.', false),
  'webhook_endpoint.deleted': endpointEvent('A webhook endpoint was removed.', false),
  'webhook_endpoint.disabled': endpointEvent('Someone switched a webhook endpoint off.', false, {
    status: 'disabled',
  }),
  'webhook_endpoint.auto_disabled': endpointEvent(
    'A webhook endpoint was switched off because it kept failing.',
    true,
    {
      status: 'auto_disabled',
      reason: 'Nothing but failures for 3 days',
      failingSince: '2026-03-01T00:00:00.000Z',
    },
  ),
  'webhook_endpoint.circuit_opened': endpointEvent(
    'Deliveries to a webhook endpoint pause because it kept failing; one is tried when the pause is over.',
    true,
    {
      reason: '10 failures in a row',
      failingSince: '2026-03-02T09:59:40.000Z',
      circuitOpenUntil: '2026-03-02T10:00:31.000Z',
    },
  ),
  'webhook_endpoint.test': defineEvent({
    stream: 'CATALOG',
    version: 1,
    description: 'The body of a test delivery; sent to one endpoint on demand.',
    partnerVisible: false,
    dataSchema: z.object({ endpointId: idSchema, partnerId: idSchema, message: z.string() }),
    example: {
      subject: { endpointId: exampleIds.endpoint, partnerId: exampleIds.partner },
      data: {
        endpointId: exampleIds.endpoint,
        partnerId: exampleIds.partner,
        message: 'If you can read this, the endpoint works.',
      },
    },
  }),
  'apikey.revoked': defineEvent({
    stream: 'CATALOG',
    version: 1,
    description: 'An API key must not be accepted any more.',
    partnerVisible: false,
    dataSchema: z.object({ apiKeyId: idSchema, prefix: z.string() }),
    example: {
      subject: { apiKeyId: exampleIds.apiKey },
      data: { apiKeyId: exampleIds.apiKey, prefix: 'tb_live_7Qm2' },
    },
  }),
  'job.queued': defineEvent({
    stream: 'CATALOG',
    version: 1,
    description: 'A job waits for a runner.',
    partnerVisible: false,
    dataSchema: z.object({ jobId: idSchema, name: z.string(), trigger: z.enum(JOB_EVENT_TRIGGERS) }),
    example: {
      subject: jobSubject,
      data: { jobId: exampleIds.job, name: 'bulk-commissions', trigger: 'api' },
    },
  }),
  'job.finished': defineEvent({
    stream: 'CATALOG',
    version: 1,
    description: 'A job ended, in whatever way.',
    partnerVisible: false,
    dataSchema: z.object({
      jobId: idSchema,
      name: z.string(),
      trigger: z.enum(JOB_EVENT_TRIGGERS),
      status: z.enum(['succeeded', 'failed', 'cancelled']),
      total: z.int(),
      succeeded: z.int(),
      failed: z.int(),
    }),
    example: {
      subject: jobSubject,
      data: {
        jobId: exampleIds.job,
        name: 'bulk-commissions',
        trigger: 'api',
        status: 'succeeded',
        total: 120,
        succeeded: 118,
        failed: 2,
      },
    },
  }),
  'routing.changed': defineEvent({
    stream: 'CATALOG',
    version: 1,
    description: 'The weights of a service and its candidate changed; gateways read them again.',
    partnerVisible: false,
    dataSchema: z.object({ service: z.string() }),
    example: { subject: { service: 'operations-service' }, data: { service: 'operations-service' } },
  }),
};
