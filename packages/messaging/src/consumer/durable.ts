import {
  AckPolicy,
  DeliverPolicy,
  nanos,
  ReplayPolicy,
  type ConsumerConfig,
  type JetStreamManager,
} from 'nats';

import type { Names } from '../names.ts';
import { isNotFound } from '../streams.ts';
import type { ConsumerDefinition } from './definition.ts';

/** Deliveries that wait for their next attempt count too; this many failing at once would stop a consumer. */
const MAX_ACK_PENDING = 2_000;

/**
 * Makes the durable on the server, or brings it to what is declared. One whose filter differs is made anew from where it
 * had come to, since a filter cannot always be changed in place.
 */
export async function ensureDurable(
  jsm: JetStreamManager,
  names: Names,
  definition: ConsumerDefinition,
): Promise<void> {
  const stream = names.stream(definition.stream);
  const wanted = durableConfig(names, definition);
  const existing = await findDurable(jsm, stream, definition.name);
  if (existing === undefined) {
    await jsm.consumers.add(stream, wanted);
  } else if (existing.config.filter_subject !== wanted.filter_subject) {
    await recreateDurable(jsm, names, definition);
  } else if (
    existing.config.ack_wait !== wanted.ack_wait ||
    existing.config.max_ack_pending !== MAX_ACK_PENDING
  ) {
    await jsm.consumers.update(stream, definition.name, wanted);
  }
}

/** Deletes the durable and makes it again from the first message that is not known to be done. */
export async function recreateDurable(
  jsm: JetStreamManager,
  names: Names,
  definition: ConsumerDefinition,
): Promise<void> {
  const stream = names.stream(definition.stream);
  const wanted = durableConfig(names, definition);
  const existing = await findDurable(jsm, stream, definition.name);
  if (existing === undefined) {
    await jsm.consumers.add(stream, wanted);
    return;
  }
  await jsm.consumers.delete(stream, definition.name);
  await jsm.consumers.add(stream, {
    ...wanted,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: existing.ack_floor.stream_seq + 1,
  });
}

function durableConfig(
  names: Names,
  { name, family, ackWaitMs }: ConsumerDefinition,
): Partial<ConsumerConfig> {
  return {
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: MAX_ACK_PENDING,
    // The runner counts deliveries: a limit on the server would drop a message whose dead letter could not be written.
    max_deliver: -1,
    ...(family === undefined ? {} : { filter_subject: names.subject(`${family}.*`) }),
  };
}

async function findDurable(jsm: JetStreamManager, stream: string, name: string) {
  try {
    return await jsm.consumers.info(stream, name);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
