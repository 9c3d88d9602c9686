import t from 'tap';

import { readCommand } from './settings.ts';

const CANDIDATE = ['tracking-service', '--candidate', 'http://127.0.0.1:4001'];

t.test('a service and a candidate are enough; the rest has defaults', async (t) => {
  t.match(readCommand(CANDIDATE), {
    kind: 'roll-out',
    plan: { service: 'tracking-service', steps: [10, 50, 100], stepMs: 300_000, minRequests: 500 },
  });
  t.match(readCommand(['tracking-service', '--reset']), { kind: 'reset', service: 'tracking-service' });
});

t.test('a command that is wrong says what is wrong and how it is used', async (t) => {
  t.throws(() => readCommand([]), /npm run canary/);
  t.throws(() => readCommand(['tracking-service']), /--candidate/);
  t.throws(() => readCommand(['tracking-service', '--candidate', 'somewhere']), /--candidate/);
  t.throws(() => readCommand([...CANDIDATE, '--steps', '50,10']), /--steps/);
  t.throws(() => readCommand([...CANDIDATE, '--steps', '10,50']), /--steps: must end at 100/);
  t.throws(() => readCommand([...CANDIDATE, '--colour', 'red']), /colour[^]*npm run canary/);
});

t.test('the gateway is split by nginx, whose file has to be named; nobody else is', async (t) => {
  const gateway = ['gateway', '--candidate', 'http://127.0.0.1:4001'];
  const file = ['--nginx-upstream', '/etc/nginx/upstreams/gateway.conf'];
  t.throws(() => readCommand(gateway), /--nginx-upstream/);
  t.throws(() => readCommand(['gateway', '--reset']), /--nginx-upstream/);
  t.throws(() => readCommand([...CANDIDATE, ...file]), /--nginx-upstream/);
  t.throws(() => readCommand(['gateway', '--candidate', 'https://a:1', ...file]), /--candidate/);
  t.match(readCommand([...gateway, ...file]), {
    nginx: { file: '/etc/nginx/upstreams/gateway.conf', reload: 'nginx -s reload' },
  });
});
