export { subscribeBroadcast, type Broadcast, type BroadcastSettings } from './broadcast.ts';
export { connectMessaging, type Messaging, type MessagingOptions } from './connection.ts';
export { replayDeadLetter, type ReplayOutcome } from './consumer/dead-letters.ts';
export {
  defineConsumer,
  type ConsumerDefinition,
  type ConsumerSettings,
  type Delivery,
} from './consumer/definition.ts';
export type { ConsumerDeps } from './consumer/processing.ts';
export { runConsumer, type RunningConsumer } from './consumer/run-consumer.ts';
export { UnprocessableEventError } from './consumer/verdict.ts';
export { createPublisher, type Publisher } from './outbox/publisher.ts';
export { startSweeper, type Sweeper, type SweeperDeps } from './outbox/sweeper.ts';
export { provisionStreams } from './streams.ts';
export { publishUnrecorded } from './transport.ts';
