export { freePort } from '@tributary/local-servers';
export {
  insertPartner,
  insertPolicy,
  insertPolicyVersion,
  insertProduct,
  insertReferralCode,
  type PartnerRow,
  type PolicyRow,
} from './factories/catalog.ts';
export { insertCommission } from './factories/commissions.ts';
export { insertRow, type NewRow, type Row, type TableName } from './factories/insert-row.ts';
export { insertClick, insertConversion } from './factories/sales.ts';
export { insertUser } from './factories/users.ts';
export {
  identityHeaders,
  TEST_IDENTITY_SECRET,
  type TestIdentity,
  testIdentityKey,
} from './identity-headers.ts';
export { isAlive } from './is-alive.ts';
export { type OwnServer, startOwnNats, startOwnPostgres, startOwnRedis } from './own-server.ts';
export { PROJECT_HOME } from './project.ts';
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
