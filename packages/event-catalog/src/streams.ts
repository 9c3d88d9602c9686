/** A JetStream stream as provisioned by packages/messaging: file storage and limits retention always. */
export interface StreamDeclaration {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly retentionDays: number;
  readonly description: string;
}

/** The four streams, by name. Subjects are event types; one wildcard per family lets a new type be added without touching the stream. */
export const STREAMS = {
  CLICKS: {
    name: 'CLICKS',
    subjects: ['click.*'],
    retentionDays: 7,
    description: 'Recorded clicks, many to a message, and clicks that wait for Postgres to come back.',
  },
  CONVERSIONS: {
    name: 'CONVERSIONS',
    subjects: ['conversion.*'],
    retentionDays: 30,
    description: 'What happens to conversions.',
  },
  COMMISSIONS: {
    name: 'COMMISSIONS',
    subjects: ['commission.*'],
    retentionDays: 30,
    description: 'What happens to commissions.',
  },
  CATALOG: {
    name: 'CATALOG',
    subjects: [
      'policy.*',
      'partner.*',
      'product.*',
      'setting.*',
      'apikey.*',
      'webhook_endpoint.*',
      'job.*',
      'routing.*',
    ],
    retentionDays: 7,
    description: 'Changes of what services cache, revocations, jobs and routing.',
  },
} as const satisfies Record<string, StreamDeclaration>;

export type StreamName = keyof typeof STREAMS;
