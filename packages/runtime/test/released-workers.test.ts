import { createTestDatabase, waitFor } from '@tributary/testkit';
import t from 'tap';

import { createLogger, createMetrics, releasedWorkers } from '../src/index.ts';

const logger = createLogger({ service: 'released', level: 'silent' });
const { db, owner } = await createTestDatabase(t);

function candidate(config: { WORKERS: boolean; RELEASE: string }) {
  const log: string[] = [];
  let looks = 0;
  const metrics = createMetrics({ service: 'tracking-service' });
  const workers = releasedWorkers({
    service: 'tracking-service',
    config,
    db: {
      query: (...args) => {
        looks += 1;
        return db.query(...args);
      },
    },
    logger,
    metrics,
    start: () => {
      log.push('started');
      return { stop: () => log.push('stopped') };
    },
  });
  return {
    workers,
    log,
    /** Once it has looked at what the rollout says now, and acted on it. */
    untilItLooked: async () => {
      const before = looks;
      await waitFor(() => looks >= before + 2);
    },
    gauge: async () => /workers_running\{[^}]*\} (\d)/.exec(await metrics.expose())?.[1],
  };
}

const place = (release: string, workers: string | null) =>
  owner.query(
    `INSERT INTO routing_weights (service, release, url, weight, workers)
    VALUES ('tracking-service', $1, 'http://127.0.0.1:4001', 100, $2)
    ON CONFLICT (service, release) DO UPDATE SET workers = excluded.workers`,
    [release, workers],
  );

t.test('a process with workers on runs them from the start, whatever a rollout says', async (t) => {
  const { workers, log, gauge } = candidate({ WORKERS: true, RELEASE: 'stable' });
  t.equal(await gauge(), '0');
  await workers.start();
  t.same(log, ['started']);
  t.equal(await gauge(), '1');
  await workers.stop();
  t.same(log, ['started', 'stopped']);
});

t.test('a candidate starts and ends its workers as its rollout goes on and back', async (t) => {
  const { workers, log, gauge, untilItLooked } = candidate({ WORKERS: false, RELEASE: 'v2' });
  await workers.start();
  await place('canary', 'v3');
  await untilItLooked();
  t.equal(workers.running, undefined, 'not for the rollout of another release');
  await place('canary', 'v2');
  await waitFor(() => workers.running !== undefined);
  t.equal(await gauge(), '1');
  await place('canary', null);
  await waitFor(() => log.includes('stopped'));
  t.equal(await gauge(), '0');
  await place('canary', 'v2');
  await waitFor(() => workers.running !== undefined);
  await workers.stop();
  t.same(log, ['started', 'stopped', 'started', 'stopped']);
});

t.test('a process that is no candidate and has its workers off never starts them', async (t) => {
  await place('stable', 'stable');
  const { workers, log } = candidate({ WORKERS: false, RELEASE: 'stable' });
  await workers.start();
  await workers.stop();
  t.same(log, []);
});
