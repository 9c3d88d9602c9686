import t from 'tap';
import { createCache } from './cache.ts';

function setUp(options: { maxEntries?: number; load?: (key: string) => Promise<string> } = {}) {
  let now = 0;
  let isWatched = true;
  const loads: string[] = [];
  const counts = { hits: 0, misses: 0 };
  const cache = createCache({
    load: (key) => {
      loads.push(key);
      return options.load?.(key) ?? Promise.resolve(`${key}${loads.length}`);
    },
    ttlMs: 60_000,
    isWatched: () => isWatched,
    maxEntries: options.maxEntries ?? 10,
    metrics: { hit: () => void (counts.hits += 1), miss: () => void (counts.misses += 1) },
    now: () => now,
  });
  return {
    cache,
    loads,
    counts,
    pass: (ms: number) => void (now += ms),
    watch: (watched: boolean) => void (isWatched = watched),
  };
}

t.test('a value is loaded once for all who ask, and again when its time is over', async (t) => {
  const { cache, loads, counts, pass } = setUp();
  t.same(await Promise.all([cache.get('a'), cache.get('a'), cache.get('a')]), ['a1', 'a1', 'a1']);
  pass(59_999);
  t.equal(await cache.get('a'), 'a1');
  pass(1);
  t.equal(await cache.get('a'), 'a2');
  t.same(loads, ['a', 'a']);
  t.same(counts, { hits: 3, misses: 2 });
});

t.test('the least recently used one goes first', async (t) => {
  const { cache, loads } = setUp({ maxEntries: 2 });
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await cache.get(key);
  t.same(loads, ['a', 'b', 'c', 'b']);
});

t.test('a failure is told to who asked and not kept', async (t) => {
  let fails = true;
  const { cache } = setUp({ load: async () => (fails ? Promise.reject(new Error('away')) : 'back') });
  await t.rejects(cache.get('a'), { message: 'away' });
  fails = false;
  t.equal(await cache.get('a'), 'back');
});

t.test('what was being loaded while the cache was cleared is not kept', async (t) => {
  const first = Promise.withResolvers<string>();
  const answers = [first.promise, Promise.resolve('new')];
  const { cache } = setUp({ load: () => answers.shift() ?? Promise.resolve('later') });
  const old = cache.get('a');
  cache.clear();
  t.equal(await cache.get('a'), 'new');
  first.resolve('old');
  t.equal(await old, 'old');
  t.equal(await cache.get('a'), 'new');
});

t.test(
  'what is outdated is loaded once for all who know of the change, and again for a later one',
  async (t) => {
    let stored = 'old';
    const { cache, loads } = setUp({ load: async () => stored });
    t.equal(await cache.get('a'), 'old');
    t.equal(await cache.getCurrent('a', (value) => value === 'old'), 'old');
    t.equal(loads.length, 1);
    stored = 'new';
    const isNew = (value: string): boolean => value === 'new';
    t.same(await Promise.all([1, 2, 3].map(() => cache.getCurrent('a', isNew))), ['new', 'new', 'new']);
    t.equal(await cache.get('a'), 'new');
    t.equal(loads.length, 2);
    stored = 'newest';
    t.equal(await cache.getCurrent('a', () => false), 'newest', 'what this call has loaded is believed');
    t.equal(loads.length, 3);
  },
);

t.test('a load that began before the change is not believed by who knows of it', async (t) => {
  const first = Promise.withResolvers<string>();
  const answers = [first.promise, Promise.resolve('new')];
  const { cache } = setUp({ load: () => answers.shift() ?? Promise.resolve('later') });
  const early = cache.get('a');
  const informed = cache.getCurrent('a', (value) => value === 'new');
  first.resolve('old');
  t.same([await early, await informed, await cache.get('a')], ['old', 'new', 'new']);
});

t.test(
  'while no changes are heard of a value is believed for a second, however old it was before',
  async (t) => {
    const { cache, pass, watch } = setUp();
    t.equal(await cache.get('a'), 'a1');
    pass(30_000);
    t.equal(await cache.get('a'), 'a1');
    watch(false);
    t.equal(await cache.get('a'), 'a2');
    pass(999);
    t.equal(await cache.get('a'), 'a2', 'not once for each who asks');
    pass(1);
    t.equal(await cache.get('a'), 'a3');
    watch(true);
    pass(59_999);
    t.equal(await cache.get('a'), 'a3');
  },
);
