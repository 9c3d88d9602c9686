import {
  insertCommission,
  insertPartner,
  insertPolicy,
  insertProduct,
  insertRow,
  uniqueName,
} from '@tributary/testkit';
import type { Database } from '@tributary/schema';
import { uuidv7 } from 'uuidv7';
import { NOBODY } from './documented-operations.ts';

/** What would succeed: an id for the path, and a body. */
interface ValidRequest {
  readonly id?: string;
  readonly body?: object;
}

const reason = { reason: 'because' };
const payment = { paymentMethod: 'wire', paymentReference: 'REF' };

const actor = {
  kind: 'system',
  id: null,
  name: 'system:purge',
  requestId: null,
  ipAddress: null,
  userAgent: null,
} as const;

type Status = Parameters<typeof insertCommission>[1] & object;

const onCommission =
  (given: Status, body: object) =>
  async (db: Database): Promise<ValidRequest> => ({ id: (await insertCommission(db, given)).id, body });

let settingsChanged = 0;

/** Another one each time: a setting that is what it was changes nothing. */
function windowDays(): number {
  settingsChanged += 1;
  return 1 + (settingsChanged % 60);
}

/** For every operation that writes, a request on rows of its own. */
const WRITES: Readonly<Record<string, (db: Database) => Promise<ValidRequest>>> = {
  adjustCommission: onCommission({ status: 'pending' }, { newAmount: 3, ...reason }),
  confirmCommission: onCommission({ status: 'pending' }, reason),
  cancelCommission: onCommission({ status: 'pending' }, reason),
  holdCommission: onCommission({ status: 'pending' }, reason),
  releaseCommission: onCommission({ status: 'pending', reviewHold: true }, reason),
  payCommission: onCommission({ status: 'confirmed' }, payment),
  clawBackCommission: onCommission({ status: 'paid' }, reason),
  async createCommission(db) {
    const { id: partnerId } = await insertPartner(db);
    return { body: { partnerId, amount: 5, currency: 'USD', ...reason } };
  },
  changeCommissionsInBulk: async () => ({ body: { action: 'confirm', ids: [NOBODY], params: reason } }),
  async refundConversion(db) {
    const { conversionId } = await insertCommission(db, { status: 'pending' });
    return { body: { conversionId, refundAmount: 1, ...reason } };
  },
  runJob: async () => ({ body: {} }),
  async cancelJob(db) {
    const job = { id: uuidv7(), name: 'purge', trigger: 'manual', status: 'queued', actor } as const;
    return { id: (await insertRow(db, 'jobs', job)).id };
  },
  async replayDeadLetter(db) {
    const letter = { id: uuidv7(), stream: 'CLICKS', consumer: 'test', reason: 'poison', deliveries: 1 };
    const event = { id: letter.id, type: 'click.recorded' };
    const dead = { ...letter, eventId: event.id, eventType: event.type, payload: event };
    return { id: (await insertRow(db, 'deadLetters', dead)).id };
  },
  createPolicy: async () => ({
    body: { code: uniqueName('P').toUpperCase(), name: 'New', type: 'percentage', rate: 5 },
  }),
  updatePolicy: async (db) => ({ id: (await insertPolicy(db)).id, body: { name: 'Other' } }),
  createPartner: async () => ({ body: { name: 'New', email: `${uniqueName('p')}@example.com` } }),
  updatePartner: async (db) => ({ id: (await insertPartner(db)).id, body: { name: 'Other' } }),
  addReferralCode: async (db) => ({ id: (await insertPartner(db)).id, body: {} }),
  createProduct: async () => ({
    body: { sku: uniqueName('SKU'), name: 'Tent', price: 1, currency: 'USD' },
  }),
  updateProduct: async (db) => ({ id: (await insertProduct(db)).id, body: { name: 'Other' } }),
  updateSettings: async () => ({ body: { attributionWindowDays: windowDays() } }),
};

/** A request that the service would carry out; reading ones need no record to get as far as the database. */
export async function validRequest(db: Database, operationId: string): Promise<Required<ValidRequest>> {
  const { id = NOBODY, body = {} } = (await WRITES[operationId]?.(db)) ?? {};
  return { id, body };
}
