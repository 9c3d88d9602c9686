export type { TestScope } from './scope.ts';
export { createTestDatabase, type TestDatabase } from './test-database.ts';
export { testNats, type TestNats } from './test-nats.ts';
export { testRedis, type TestRedis } from './test-redis.ts';
export { uniqueName } from './unique.ts';
export { waitFor, type WaitOptions } from './wait-for.ts';
export {
  createWebhookReceiver,
  type ReceivedRequest,
  type ReceiverAnswer,
  type WebhookReceiver,
} from './webhook-receiver.ts';
