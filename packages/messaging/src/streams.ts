import { STREAMS, type StreamDeclaration } from '@tributary/event-catalog';
import {
  DiscardPolicy,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type NatsConnection,
  type StreamConfig,
} from 'nats';

import type { Names } from './names.ts';

const DAY_MS = 86_400_000;
/** Covers the retries of publisher and sweeper. Longer costs the server memory for each id, and repetition is harmless anyway. */
const DUPLICATE_WINDOW_MS = 120_000;

/** A request that a dying server swallowed should not hold up its repetition for long. */
export const API_TIMEOUT_MS = 2_000;

/** The means to manage streams and consumers, without asking first whether JetStream is enabled. */
export function managerOf(connection: NatsConnection): Promise<JetStreamManager> {
  return connection.jetstreamManager({ checkAPI: false, timeout: API_TIMEOUT_MS });
}

type Wanted = Pick<
  StreamConfig,
  'name' | 'subjects' | 'storage' | 'retention' | 'discard' | 'max_age' | 'num_replicas' | 'duplicate_window'
>;

/**
 * Makes the streams, or brings existing ones to what the catalogue declares; may run in every process and at any time.
 * Never removes a stream or a subject: another release may still publish on it.
 */
export async function provisionStreams(
  jsm: JetStreamManager,
  names: Names,
  options: { readonly replicas?: number } = {},
): Promise<void> {
  for (const declaration of Object.values(STREAMS)) {
    await provisionStream(jsm, streamConfig(declaration, names, options.replicas ?? 1));
  }
}

function streamConfig(declaration: StreamDeclaration, names: Names, replicas: number): Wanted {
  return {
    name: names.stream(declaration.name as keyof typeof STREAMS),
    subjects: declaration.subjects.map((subject) => names.subject(subject)),
    storage: StorageType.File,
    // Work-queue and interest streams may restart their sequence when a server before 2.10.23 is killed.
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    max_age: nanos(declaration.retentionDays * DAY_MS),
    num_replicas: replicas,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  };
}

async function provisionStream(jsm: JetStreamManager, wanted: Wanted): Promise<void> {
  const existing = await findStream(jsm, wanted.name);
  if (existing === undefined) {
    await jsm.streams.add(wanted);
    return;
  }
  const subjects = [...new Set([...existing.subjects, ...wanted.subjects])];
  const upToDate =
    subjects.length === existing.subjects.length &&
    existing.max_age === wanted.max_age &&
    existing.num_replicas === wanted.num_replicas &&
    existing.duplicate_window === wanted.duplicate_window;
  if (!upToDate) await jsm.streams.update(wanted.name, { ...wanted, subjects });
}

async function findStream(jsm: JetStreamManager, name: string): Promise<StreamConfig | undefined> {
  try {
    return (await jsm.streams.info(name)).config;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Whether JetStream said that the stream or the consumer does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof NatsError && error.api_error?.code === 404;
}
