import t from 'tap';
import { createHealth } from './health.ts';

const up = async () => undefined;
const down = async () => Promise.reject(new Error('away'));

await t.test('readiness depends on what is required alone', async (t) => {
  const health = (postgres: () => Promise<unknown>, nats: () => Promise<unknown>) =>
    createHealth({
      checks: { postgres: { check: postgres, required: true }, nats: { check: nats } },
      timeoutMs: 20,
    });
  t.match(await health(up, up).readiness(), { status: 'ok' });
  t.match(await health(up, down).readiness(), {
    status: 'degraded',
    checks: { postgres: { status: 'up' }, nats: { status: 'down', reason: 'failed' } },
  });
  t.match(await health(down, up).readiness(), { status: 'unavailable' });
  const hanging = async () => new Promise<never>(() => undefined);
  t.match(await health(hanging, up).readiness(), {
    status: 'unavailable',
    checks: { postgres: { status: 'down', reason: 'timeout' } },
  });
});

await t.test('concurrent probes share one round of checks', async (t) => {
  let asked = 0;
  const gate = Promise.withResolvers<undefined>();
  const check = async () => {
    asked += 1;
    return gate.promise;
  };
  const health = createHealth({ checks: { postgres: { check, required: true } } });
  const probes = [health.readiness(), health.readiness()];
  gate.resolve(undefined);
  await Promise.all(probes);
  t.equal(asked, 1);
  await health.readiness();
  t.equal(asked, 2);
});

await t.test('a draining process is not ready, whatever its checks say', async (t) => {
  const health = createHealth({ checks: {} });
  const draining = health.drain();
  t.match(await health.readiness(), { status: 'unavailable' }, 'from the first moment');
  t.ok(health.isDraining);
  await draining;
  t.match(await health.readiness(), { status: 'unavailable' });
});

await t.test('a check that throws at once is down too', async (t) => {
  const check = (): Promise<unknown> => {
    throw new Error('at once');
  };
  t.match(await createHealth({ checks: { redis: { check } } }).readiness(), { status: 'degraded' });
});
