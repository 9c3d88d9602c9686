import { createSocket } from 'node:dgram';
import type { TestScope } from '@tributary/testkit';
import t from 'tap';
import { createNameResolver } from './resolve-name.ts';

const A = 1;
const IN = 1;
const ANSWERED = 0x81_80;
const NO_SUCH_NAME = 0x81_83;

/** A name server on this machine: silent about one zone and one name's AAAA, answers for two names, all else does not exist. */
async function createNameServer(t: TestScope): Promise<{ address: string; asked: string[] }> {
  const asked: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = questionOf(query);
    asked.push(`${name} ${type === A ? 'A' : 'AAAA'}`);
    if (name.endsWith('.silent.example') || (name === 'half.example' && type !== A)) return;
    const exists = name === 'partner.example' || name === 'half.example';
    const hasAnswer = exists && type === A;
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(exists ? ANSWERED : NO_SUCH_NAME, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(hasAnswer ? 1 : 0, 6);
    // The name by a pointer to the question, type, class, 60 s to live, 4 bytes of address.
    const record = Buffer.from([0xc0, 12, 0, A, 0, IN, 0, 0, 0, 60, 0, 4, 8, 8, 4, 4]);
    socket.send(
      Buffer.concat([head, query.subarray(12, end), ...(hasAnswer ? [record] : [])]),
      port,
      address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  t.teardown(() => void socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, asked };
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

const never = new AbortController().signal;

t.test('names that nobody answers for hold up no other name, and end with their signal', async (t) => {
  const { address } = await createNameServer(t);
  const resolve = createNameResolver({ allowLoopback: false, servers: [address] });
  const giveUp = new AbortController();
  const silent = Array.from({ length: 50 }, (_, i) => resolve(`host${i}.silent.example`, giveUp.signal));
  let over = 0;
  const outcomes = Promise.allSettled(silent.map((name) => name.finally(() => over++)));
  t.strictSame(await resolve('partner.example', never), ['8.8.4.4']);
  t.equal(over, 0, 'while all the others are waited for');
  giveUp.abort();
  for (const outcome of await outcomes)
    t.match(outcome, { status: 'rejected', reason: { code: 'EAI_AGAIN', cause: { code: 'ECANCELLED' } } });
});

t.test('a family that is never answered for does not hold up the other', async (t) => {
  const { address, asked } = await createNameServer(t);
  const resolve = createNameResolver({ allowLoopback: false, servers: [address] });
  t.strictSame(await resolve('half.example', never), ['8.8.4.4']);
  t.strictSame(asked.sort(), ['half.example A', 'half.example AAAA'], 'before it is asked for again');
  t.strictSame(await resolve('partner.example', never), ['8.8.4.4']);
  t.notOk(process.getActiveResourcesInfo().includes('Timeout'), 'no timer is left where both are answered');
});

t.test('a public name never takes a thread of the pool; localhost does, in development only', async (t) => {
  const { address } = await createNameServer(t);
  const startOf = (allowLoopback: boolean, name: string) => {
    const before = lookupsUnderWay();
    const resolved = createNameResolver({ allowLoopback, servers: [address] })(name, never);
    return { resolved, lookups: lookupsUnderWay() - before };
  };
  const name = startOf(true, 'partner.example');
  t.equal(name.lookups, 0);
  t.strictSame(await name.resolved, ['8.8.4.4']);
  for (const spelling of ['localhost', 'localhost.']) {
    const here = startOf(true, spelling);
    t.equal(here.lookups, 1);
    t.ok((await here.resolved).includes('127.0.0.1'));
  }
  const elsewhere = startOf(false, 'localhost');
  t.equal(elsewhere.lookups, 0);
  await elsewhere.resolved.catch(() => undefined);
});

t.test('a name that does not exist and one that cannot be asked for now are told apart', async (t) => {
  const { address, asked } = await createNameServer(t);
  const ask = (servers: string[], name: string) =>
    createNameResolver({ allowLoopback: false, servers })(name, never);
  await t.rejects(ask([address], 'nobody.example'), { code: 'ENOTFOUND' });
  t.strictSame(
    new Set(asked),
    new Set(['nobody.example A', 'nobody.example AAAA']),
    'no search domain is tried',
  );
  await t.rejects(ask(['127.0.0.1:1'], 'partner.example'), { code: 'EAI_AGAIN' });
});

const lookupsUnderWay = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'GetAddrInfoReqWrap').length;
