import { createTestDatabase, insertPartner, startOwnPostgres, waitFor } from '@tributary/testkit';
import t from 'tap';

import { connect, connectReads, type ReadDatabase } from '../../src/index.ts';

const { db: primary } = await createTestDatabase(t);
await insertPartner(primary, { name: 'Of the primary' });
// Its content differs, as no replica's would: so it shows who answered.
const replica = await startOwnPostgres(t);
const owner = connect({ url: replica.url, applicationName: 'test' });
await insertPartner(owner, { name: 'Of the replica' });
await owner.close();

const NAMES = 'SELECT name FROM partners WHERE name LIKE $1';
const ASKED = ['Of the %'];

const namesBy = async (reads: ReadDatabase): Promise<string[]> =>
  (await reads.query<{ name: string }>(NAMES, ASKED)).map(({ name }) => name);

async function streamedBy(reads: ReadDatabase): Promise<string[]> {
  const names: string[] = [];
  for await (const rows of reads.stream<{ name: string }>(NAMES, ASKED, 10))
    names.push(...rows.map(({ name }) => name));
  return names;
}

function readsOf(url: string | undefined, scope: { teardown(end: () => Promise<void>): void }) {
  const reads = connectReads({ primary, url, applicationName: 'reads' });
  scope.teardown(() => reads.close());
  return reads;
}

t.test('reads go to the replica while it answers, and to the primary while it is away', async (t) => {
  const reads = readsOf(replica.serviceUrl, t);
  t.same(await namesBy(reads), ['Of the replica']);
  t.same(await streamedBy(reads), ['Of the replica']);

  await replica.kill();
  t.same(await streamedBy(reads), ['Of the primary'], 'at once, also where it was not known to be away');
  t.same(await namesBy(reads), ['Of the primary']);
  const late = readsOf(replica.serviceUrl, t);
  t.same(await namesBy(late), ['Of the primary'], 'who never reached it, too');

  await replica.start();
  await waitFor(async () => (await namesBy(reads)).includes('Of the replica'), {
    timeoutMs: 20_000,
    what: 'the replica to be asked again',
  });
});

t.test('without a replica the primary answers', async (t) => {
  const reads = readsOf(undefined, t);
  t.same(await namesBy(reads), ['Of the primary']);
  t.same(await streamedBy(reads), ['Of the primary']);
});

t.test('what is wrong with the statement itself is said, and the replica goes on being asked', async (t) => {
  const reads = readsOf(replica.serviceUrl, t);
  await t.rejects(reads.query('SELECT nonsense'), { code: '42703' });
  t.same(await namesBy(reads), ['Of the replica']);
});
