import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { testNats, testRedis } from '@tributary/testkit';
import t from 'tap';

import { measureSize } from '../src/scale/measure.ts';
import { makePast } from '../src/scale/past.ts';
import { measureProcesses } from '../src/scale/processes.ts';
import { QUESTIONS } from '../src/scale/questions.ts';
import { startOwnStack } from '../src/stack/own-stack.ts';

const root = resolve(import.meta.dirname, '../../..');
const CLICKS = 3_000;

t.test(
  'a programme is filled, asked, exported and confirmed, and the events of that are drained',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-scale-test-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const past = await makePast(join(folder, 'postgres'), root, CLICKS);
    t.teardown(() => past.stop());
    const nats = testNats(t);
    const redis = testRedis(t);
    const home = join(folder, 'home');
    const environment = {
      DATABASE_URL: past.ownerUrl,
      NATS_URL: nats.url,
      NATS_NAMESPACE: nats.namespace,
      REDIS_URL: redis.url,
      REDIS_PREFIX: redis.prefix,
    };
    const stack = await startOwnStack({ root, home, environment });
    t.teardown(() => stack.stop());

    const result = await measureSize(stack, past, { clicks: CLICKS, rounds: 2 });
    t.match(result, { clicks: CLICKS, commissions: 300, csv: { rows: 300 } });
    t.same(
      Object.keys(result.questions),
      QUESTIONS.map(({ name }) => name),
    );
    t.ok(result.batch.rows > 0, 'some holds are over');
    t.equal(result.backlog.events, result.batch.rows, 'each confirmation is an event');

    const processes = await measureProcesses(home, 0);
    t.same(Object.keys(processes).sort(), Object.keys(stack.services).sort());
    for (const [name, { readyMs }] of Object.entries(processes)) t.ok(readyMs > 0, `${name} came back`);
  },
);
