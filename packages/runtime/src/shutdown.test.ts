import t from 'tap';
import { createLogger } from './logger.ts';
import { createShutdown } from './shutdown.ts';

const logger = createLogger({ service: 'test', level: 'silent' });

await t.test('phases run once, in order, even when one fails or hangs', async (t) => {
  const order: string[] = [];
  const phase = (name: string, run: () => unknown) => ({ name, timeoutMs: 20, run });
  const shutdown = createShutdown({
    logger,
    phases: [
      phase('drain', () => order.push('drain')),
      phase('fails', () => {
        order.push('fails');
        throw new Error('no');
      }),
      phase('hangs', async () => {
        order.push('hangs');
        return new Promise(() => undefined);
      }),
      phase('close', async () => order.push('close')),
    ],
  });
  const [first, second] = await Promise.all([shutdown.begin('SIGTERM'), shutdown.begin('again')]);
  t.same(order, ['drain', 'fails', 'hangs', 'close']);
  t.same([first, second], [false, false]);
});

await t.test('a shutdown in which all went well is clean', async (t) => {
  const phases = [{ name: 'close', timeoutMs: 1_000, run: () => undefined }];
  t.equal(await createShutdown({ logger, phases }).begin('test'), true);
});

await t.test('phases that hang leave time for those that come, within the time of all', async (t) => {
  const order: string[] = [];
  const hangs = (name: string) => ({
    name,
    timeoutMs: 100_000_000,
    run: () => {
      order.push(name);
      return new Promise(() => undefined);
    },
  });
  const close = { name: 'close', timeoutMs: 1_000, run: () => void order.push('close') };
  const shutdown = createShutdown({
    logger,
    phases: [hangs('requests'), hangs('events'), close],
    withinMs: 700,
  });
  t.equal(await shutdown.begin('SIGTERM'), false);
  t.same(order, ['requests', 'events', 'close']);
});
