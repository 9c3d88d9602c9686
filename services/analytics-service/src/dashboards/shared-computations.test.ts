import t from 'tap';
import { createSharedComputations } from './shared-computations.ts';

t.test('equal calls share a computation until the rollups change', async (t) => {
  const shared = createSharedComputations();
  let computed = 0;
  const compute = async (): Promise<number> => (computed += 1);
  t.same(await Promise.all([shared.share('a', '1', compute), shared.share('a', '1', compute)]), [
    { value: 1, cached: false },
    { value: 1, cached: true },
  ]);
  t.same(await shared.share('b', '1', compute), { value: 2, cached: false }, 'another key');
  t.same(await shared.share('a', '2', compute), { value: 3, cached: false }, 'another version');
  t.same(await shared.share('a', '2', compute), { value: 3, cached: true });
});

t.test('a value is kept for a moment only, and a failure not at all', async (t) => {
  const shared = createSharedComputations(0);
  await shared.share('a', '1', async () => 1);
  await new Promise((resolve) => setTimeout(resolve, 5));
  t.same(await shared.share('a', '1', async () => 2), { value: 2, cached: false });
  const lasting = createSharedComputations();
  await t.rejects(
    lasting.share('a', '1', async () => Promise.reject(new Error('no'))),
    { message: 'no' },
  );
  t.same(await lasting.share('a', '1', async () => 3), { value: 3, cached: false });
});
