import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ensureServerBinaries, freePort, startNats, type ServerHandle } from '@tributary/local-servers';
import { createTestDatabase, waitFor } from '@tributary/testkit';
import t from 'tap';

import {
  createPublisher,
  defineConsumer,
  runConsumer,
  startSweeper,
  subscribeBroadcast,
} from '../../src/index.ts';
import { repairStreams, sweepOnce } from '../../src/outbox/sweeper.ts';
import { countSent, insertEvents, newEvent, openMessaging, untilLive } from '../harness.ts';

const binaries = await ensureServerBinaries({ home: join(import.meta.dirname, '../../../../.tributary') });
const never = new AbortController().signal;

/** A NATS server of the test's own, to be killed and started again on the same port. */
async function ownNats(t: Tap) {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-nats-'));
  const dataDir = join(folder, 'store');
  const port = await freePort();
  let server: ServerHandle | undefined;
  const stop = async (): Promise<void> => {
    await server?.stop();
    server = undefined;
  };
  t.teardown(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    url: `nats://127.0.0.1:${port}`,
    dataDir,
    copyDir: join(folder, 'copy'),
    start: async () => {
      server = await startNats({ binaries, dataDir, port });
    },
    stop,
    kill: async () => {
      if (server !== undefined) process.kill(server.pid, 'SIGKILL');
      await server?.exited;
      server = undefined;
    },
  };
}

interface Tap {
  teardown(release: () => unknown): void;
}

t.test('with NATS absent everything starts, and what happened meanwhile arrives when it comes', async (t) => {
  const { db } = await createTestDatabase(t);
  const nats = await ownNats(t);
  const messaging = openMessaging(t, nats);
  const seen = new Set<string>();
  const publisher = createPublisher({ messaging, db });
  const sweeper = startSweeper({ messaging, db });
  const handler = async ({ id }: { id: string }): Promise<void> => void seen.add(id);
  const consumer = runConsumer(
    { messaging, db },
    defineConsumer({ name: 'r', types: ['commission.paid'], handler }),
  );
  t.teardown(() => Promise.all([publisher.stop(), sweeper.stop(), consumer.stop()]));
  const events = Array.from({ length: 25 }, () => newEvent('commission.paid'));
  await insertEvents(db, events);
  publisher.publish(events);
  await t.rejects(messaging.check());
  await nats.start();
  await waitFor(() => seen.size === 25);
  await messaging.check();
  t.pass();
});

t.test(
  'killing NATS again and again, once with its store wiped, loses no event',
  { timeout: 60_000 },
  async (t) => {
    const { db } = await createTestDatabase(t);
    const nats = await ownNats(t);
    await nats.start();
    const messaging = openMessaging(t, nats);
    await untilLive(messaging);
    const publisher = createPublisher({ messaging, db });
    const sweeper = startSweeper({ messaging, db });
    const seen = new Set<string>();
    const resets: string[] = [];
    const consumer = runConsumer(
      { messaging, db },
      defineConsumer({
        name: 'survivor',
        types: ['commission.paid'],
        handleBatch: async (batch) => batch.forEach(({ id }) => seen.add(id)),
      }),
    );
    const broadcast = subscribeBroadcast(messaging, {
      name: 'cache',
      types: ['policy.updated'],
      onEvent: () => undefined,
      onReset: () => void resets.push('reset'),
    });
    t.teardown(() => Promise.all([publisher.stop(), sweeper.stop(), consumer.stop(), broadcast.stop()]));
    const written = new Set<string>();
    const write = async (count: number): Promise<void> => {
      const events = Array.from({ length: count }, () => newEvent('commission.paid', 0));
      await insertEvents(db, events);
      publisher.publish(events);
      for (const { id } of events) written.add(id);
    };
    await waitFor(() => resets.length === 1);
    for (let round = 0; round < 4; round += 1) {
      await write(50);
      await nats.kill();
      await write(50);
      if (round === 2) await rm(nats.dataDir, { recursive: true });
      await nats.start();
      await write(50);
      await waitFor(() => [...written].every((id) => seen.has(id)), { timeoutMs: 20_000 });
      // Caches are told after each interruption.
      await waitFor(() => resets.length > round + 1);
    }
    t.equal(seen.size, 600);
    await waitFor(async () => (await countSent(db)) === 600);
  },
);

t.test('a stream that comes back without its end gets that end again', async (t) => {
  const { db } = await createTestDatabase(t);
  const nats = await ownNats(t);
  await nats.start();
  const messaging = openMessaging(t, nats);
  await untilLive(messaging);
  const deps = { messaging, db };
  const stored = async (): Promise<number> => {
    const jsm = await (await untilLive(messaging)).jetstreamManager({ checkAPI: false });
    return (await jsm.streams.info('COMMISSIONS')).state.messages;
  };
  const write = async (count: number): Promise<void> => {
    await insertEvents(
      db,
      Array.from({ length: count }, () => newEvent('commission.paid')),
    );
    await sweepOnce(deps, never);
  };
  await write(10);
  await nats.stop();
  await cp(nats.dataDir, nats.copyDir, { recursive: true });
  await nats.start();
  await untilLive(messaging);
  await write(30);
  await repairStreams(deps, true, never);
  t.equal(await stored(), 40);
  await nats.stop();
  await rm(nats.dataDir, { recursive: true });
  await cp(nats.copyDir, nats.dataDir, { recursive: true });
  await nats.start();
  await untilLive(messaging);
  t.equal(await stored(), 10);
  await repairStreams(deps, true, never);
  await sweepOnce(deps, never);
  t.equal(await stored(), 40);
});
