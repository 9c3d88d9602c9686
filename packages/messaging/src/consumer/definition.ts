import { streamOf, type EventEnvelope, type EventType, type StreamName } from '@tributary/event-catalog';

/** What a handler may want to know besides the event. */
export interface Delivery {
  /** 1 the first time. */
  readonly attempt: number;
  /** Aborted when the handler has exceeded `timeoutMs`: the message is then given to it, or to another process, again. */
  readonly signal: AbortSignal;
}

interface CommonSettings<T extends EventType> {
  /** Names the durable on the server, the dead letters and the metrics. Processes with the same name share the work. */
  readonly name: string;
  /** What it wants to see, all from one stream. Other events of the stream are acknowledged unread. */
  readonly types: readonly T[];
  /** How long a handler, or a batch, may take; default 30 s. */
  readonly timeoutMs?: number;
  /** After how long without a sign of life the server delivers again; kept alive while a handler works. Default 15 s. */
  readonly ackWaitMs?: number;
  /** A message that has failed this often becomes a dead letter; default 5. */
  readonly maxDeliver?: number;
  /** Delay before the second, third, ... delivery; the last repeats. Default 0.5, 2, 5 and 10 s. */
  readonly backoffMs?: readonly number[];
}

interface SingleWork<T extends EventType> {
  /** Events in work at once in this process; default 8. They are not in order. */
  readonly concurrency?: number;
  readonly handler: (event: EventEnvelope<T>, delivery: Delivery) => Promise<void>;
}

interface BatchWork<T extends EventType> {
  /** Events of a batch at most; default 256. */
  readonly batchSize?: number;
  /** How long a batch waits for company; default 5 ms. */
  readonly gatherMs?: number;
  /** Batches in work at once in this process; default 1. With more, batches are not in order. */
  readonly batchesAtOnce?: number;
  /** All or none: when it fails, each event is tried alone, so that one bad event does not hold up the rest. */
  readonly handleBatch: (events: readonly EventEnvelope<T>[], delivery: Delivery) => Promise<void>;
}

export type ConsumerSettings<T extends EventType> = CommonSettings<T> & (SingleWork<T> | BatchWork<T>);

/** A consumer with every default filled in, its types erased: what the runner works with. */
export interface ConsumerDefinition {
  readonly name: string;
  readonly stream: StreamName;
  readonly types: ReadonlySet<EventType>;
  /** The family that all types share, or undefined when they are of several. */
  readonly family: string | undefined;
  readonly timeoutMs: number;
  readonly ackWaitMs: number;
  readonly maxDeliver: number;
  readonly backoffMs: readonly number[];
  /** Batches, or single events, in work at once. */
  readonly concurrency: number;
  readonly batchSize: number;
  readonly gatherMs: number;
  readonly handle: (events: readonly EventEnvelope[], delivery: Delivery) => Promise<void>;
}

const DURABLE_NAME = /^[A-Za-z0-9_-]+$/;
/** Together under 20 s, so that a poison message is a dead letter well within a minute. */
const DEFAULT_BACKOFF_MS = [500, 2_000, 5_000, 10_000];

/**
 * Declares a durable consumer. Its effect must be the same however often an event is delivered.
 * @throws {RangeError} for a name that cannot be a durable's, no types, or types of several streams
 */
export function defineConsumer<const T extends EventType>(settings: ConsumerSettings<T>): ConsumerDefinition {
  if (!DURABLE_NAME.test(settings.name))
    throw new RangeError(`'${settings.name}' cannot be a durable's name`);
  const [first] = settings.types;
  if (first === undefined) throw new RangeError(`consumer ${settings.name} wants no events`);
  const stream = streamOf(first);
  const stranger = settings.types.find((type) => streamOf(type) !== stream);
  if (stranger !== undefined)
    throw new RangeError(`consumer ${settings.name}: ${stranger} is not in ${stream}`);
  return {
    name: settings.name,
    stream,
    types: new Set<EventType>(settings.types),
    family: sharedFamily(settings.types),
    timeoutMs: settings.timeoutMs ?? 30_000,
    ackWaitMs: settings.ackWaitMs ?? 15_000,
    maxDeliver: settings.maxDeliver ?? 5,
    backoffMs: settings.backoffMs ?? DEFAULT_BACKOFF_MS,
    ...workOf(settings),
  };
}

function workOf<T extends EventType>(
  settings: ConsumerSettings<T>,
): Pick<ConsumerDefinition, 'concurrency' | 'batchSize' | 'gatherMs' | 'handle'> {
  // The runner hands over only events whose type is in `types`, so the narrower parameter is what they are.
  if ('handleBatch' in settings) {
    const handle = settings.handleBatch as ConsumerDefinition['handle'];
    return {
      concurrency: settings.batchesAtOnce ?? 1,
      batchSize: settings.batchSize ?? 256,
      gatherMs: settings.gatherMs ?? 5,
      handle,
    };
  }
  const { handler } = settings;
  return {
    concurrency: settings.concurrency ?? 8,
    batchSize: 1,
    gatherMs: 0,
    handle: async (events, delivery) => {
      for (const event of events) await handler(event as EventEnvelope<T>, delivery);
    },
  };
}

/**
 * The filter is never narrower than a family: two releases that share a durable and differ in a type would otherwise keep
 * changing it under each other.
 */
function sharedFamily(types: readonly EventType[]): string | undefined {
  const families = new Set(types.map((type) => type.split('.')[0]));
  const [only] = families;
  return families.size === 1 ? only : undefined;
}
