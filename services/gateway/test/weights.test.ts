import { exampleEvent, type EventEnvelope } from '@tributary/event-catalog';
import { waitFor } from '@tributary/testkit';
import t from 'tap';
import { asService, call, listen, startGateway, stopServer } from './gateway-under-test.ts';

const named = (name: string) =>
  asService((_request, response) => void response.writeHead(200).end(JSON.stringify({ release: name })));
const stable = await listen(t, named('stable'));
const canary = await listen(t, named('canary'));
let point = 0;
const gateway = await startGateway(t, {
  upstreams: { 'echo-service': stable.url },
  // Walks evenly through [0, 1), so that shares are exact.
  random: () => (point = (point + 0.01) % 1),
});

const setWeights = async (rows: readonly { release: string; url: string; weight: number }[]) => {
  const { owner } = gateway.database;
  await owner.query('DELETE FROM routing_weights');
  for (const { release, url, weight } of rows) {
    await owner.query('INSERT INTO routing_weights (service, release, url, weight) VALUES ($1, $2, $3, $4)', [
      'echo-service',
      release,
      url,
      weight,
    ]);
  }
};
const changed: EventEnvelope<'routing.changed'> = {
  ...exampleEvent('routing.changed'),
  subject: { service: 'echo-service' },
};
const announce = () => gateway.gateway.onEvent(changed);

async function canaryShare(): Promise<number> {
  const answers = [];
  for (let sent = 0; sent < 100; sent += 1) answers.push(await call(gateway, '/api/v1/open'));
  return answers.filter(({ body }) => body['release'] === 'canary').length;
}

t.test('without rows everything goes to the stack’s own process', async (t) => {
  t.equal(await canaryShare(), 0);
});

t.test('a message makes the gateway split by the weights of the table', async (t) => {
  for (const weight of [10, 50, 100]) {
    await setWeights([
      { release: 'stable', url: stable.url, weight: 100 - weight },
      { release: 'canary', url: canary.url, weight },
    ]);
    await announce();
    const share = await canaryShare();
    t.ok(Math.abs(share - weight) <= 1, `${share} of 100 at weight ${weight}`);
  }
  const exposed = await gateway.metrics.expose();
  t.match(exposed, /upstream_requests_total\{[^}]*release="canary"[^}]*\} \d+/);
  t.match(exposed, /upstream_request_duration_seconds_bucket\{[^}]*release="stable"/);
});

t.test('a lost message costs seconds', async (t) => {
  await setWeights([]);
  t.ok(await waitFor(async () => (await canaryShare()) === 0, { what: 'the weights to be read again' }));
});

t.test('a release that is gone is passed over', async (t) => {
  const gone = await listen(t, named('gone'));
  await stopServer(gone.server);
  await setWeights([
    { release: 'stable', url: stable.url, weight: 0 },
    { release: 'canary', url: gone.url, weight: 100 },
  ]);
  await announce();
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(gateway, '/api/v1/open')));
  t.ok(answers.every(({ status, body }) => status === 200 && body['release'] === 'stable'));
});

t.test('with Postgres away the last known weights stay', async (t) => {
  await setWeights([{ release: 'canary', url: canary.url, weight: 100 }]);
  await announce();
  t.equal(await canaryShare(), 100);
  await gateway.database.db.close();
  await announce();
  t.equal(await canaryShare(), 100);
});
