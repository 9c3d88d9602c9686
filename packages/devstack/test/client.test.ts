import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { createTributaryClient } from '@tributary/client';
import { generateTypes, TYPES_FILE } from '@tributary/client/generate';
import { insertCommission } from '@tributary/testkit';
import t from 'tap';

import { startPlatform } from './platform.ts';

const platform = await startPlatform(t);
const baseUrl = platform.gatewayUrl;
const { id } = await insertCommission(platform.owner, {
  partnerId: platform.partnerId,
  commissionAmount: '10.00',
});

async function accessToken(): Promise<string> {
  const { data } = await createTributaryClient({ baseUrl }).POST('/api/v1/auth/login', {
    body: platform.admin,
  });
  return data?.data.accessToken ?? '';
}

const client = createTributaryClient({ baseUrl, token: await accessToken() });
const adjust = (newAmount: number, commissionId = id) =>
  client.POST('/api/v1/operations/commissions/{id}/adjust', {
    params: { path: { id: commissionId } },
    body: { newAmount, reason: 'As agreed by telephone', reasonCode: 'negotiated' },
  });

t.test(
  'the checked-in types are those of the present document (else: npm run client:generate)',
  async (t) => {
    const document: object = JSON.parse(await (await fetch(`${baseUrl}/openapi.json`)).text());
    // Not t.equal: a difference of sixteen thousand lines would drown the sentence above.
    t.ok((await generateTypes(document)) === (await readFile(TYPES_FILE, 'utf8')));
  },
);

t.test('the client logs in, lists and adjusts', async (t) => {
  const { data: list } = await client.GET('/api/v1/operations/commissions', {
    params: { query: { partnerId: platform.partnerId, status: 'pending' } },
  });
  t.equal(list?.meta.total, 1);
  t.match(list?.data[0], { id, commissionAmount: 10 });
  const { data: adjusted, response } = await adjust(12.5);
  t.equal(adjusted?.data.commissionAmount, 12.5);
  t.equal(response.headers.get('etag'), '"2"');
});

t.test('a refusal is a problem with a code that the types know', async (t) => {
  const { data, error } = await adjust(12.5, randomUUID());
  t.equal(data, undefined);
  t.match(error, { status: 404, code: 'COMMISSION_NOT_FOUND' });
  // @ts-expect-error a code that this operation does not have is a mistake at compile time
  t.notOk(error?.code === 'NO_SUCH_CODE');
  const invalid = await adjust(-1);
  t.match(invalid.error, { code: 'VALIDATION_ERROR', errors: [{ path: 'newAmount' }] });
});

t.test('a token is asked for before each request; without one only public routes answer', async (t) => {
  const tokens = [platform.apiKey, 'tb_live_gone'];
  const renewing = createTributaryClient({ baseUrl, token: () => tokens.shift() ?? '' });
  t.equal((await renewing.GET('/api/v1/auth/me')).response.status, 200);
  t.equal((await renewing.GET('/api/v1/auth/me')).error?.code, 'UNAUTHENTICATED');
  const nobody = createTributaryClient({ baseUrl });
  t.equal((await nobody.GET('/api/v1/auth/me')).error?.code, 'UNAUTHENTICATED');
});
