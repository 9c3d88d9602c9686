import { Writable } from 'node:stream';
import t from 'tap';
import { createLogger } from './logger.ts';

function capture() {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return { lines, logger: createLogger({ service: 'test', level: 'debug', destination }) };
}

await t.test('secrets are masked by name, at any depth and in any spelling', async (t) => {
  const { lines, logger } = capture();
  logger.info({
    authorization: 'hunter2',
    req: {
      headers: { Authorization: 'hunter2', 'Set-Cookie': ['hunter2'], 'x-tributary-identity': 'hunter2' },
    },
    accessToken: 'hunter2',
    refresh_token: 'hunter2',
    users: [{ password: 'hunter2', passwordHash: 'kept', name: 'Ada' }],
    webhookSecret: 'hunter2',
    tokens: { a: 'hunter2' },
    apiKey: 'hunter2',
  });
  logger.child({ requestId: 'r1', token: 'hunter2' }).info('child');
  t.notMatch(lines.join(''), /hunter2/);
  t.match(JSON.parse(lines[0] ?? ''), { level: 'info', service: 'test', users: [{ name: 'Ada' }] });
  t.match(JSON.parse(lines[1] ?? ''), { requestId: 'r1', msg: 'child' });
});

await t.test('errors keep their story and lose their credentials', async (t) => {
  const { lines, logger } = capture();
  const cause = new Error('connect postgres://ada:hunter2@db/x');
  const err = Object.assign(new Error('Bearer hunter2 and tb_live_hunter2', { cause }), {
    config: { headers: { authorization: 'hunter2' } },
  });
  logger.error({ err }, 'failed');
  t.notMatch(lines.join(''), /hunter2/);
  t.match(JSON.parse(lines[0] ?? ''), { err: { type: 'Error', stack: /logger\.test/ } });
});

await t.test('what is logged is not changed', async (t) => {
  const { logger } = capture();
  const line = { nested: { token: 'hunter2' } };
  logger.info(line);
  t.equal(line.nested.token, 'hunter2');
});

await t.test('a cycle does not hang the logger', async (t) => {
  const { lines, logger } = capture();
  const cycle: Record<string, unknown> = { token: 'hunter2' };
  cycle['self'] = cycle;
  logger.info({ cycle });
  t.equal(lines.length, 1);
  t.notMatch(lines[0], /hunter2/);
});
