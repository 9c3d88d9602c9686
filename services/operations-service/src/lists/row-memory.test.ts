import t from 'tap';
import { RowMemory } from './row-memory.ts';

const row = (id: string, revision = '1') => ({ id, revision, text: `${id}@${revision}` });

t.test('rows are recalled in the revision they were remembered in, or not at all', async (t) => {
  const memory = new RowMemory(10);
  memory.remember([row('a'), row('b')]);
  t.same(memory.recall([row('b'), row('a')]), ['b@1', 'a@1']);
  t.equal(memory.recall([row('a'), row('b', '2')]), undefined);
  t.equal(memory.recall([row('a'), row('c')]), undefined);
  t.same(memory.recall([{ id: null, revision: null }]), [], 'the row of an empty page is none');
  memory.forget();
  t.equal(memory.recall([row('a')]), undefined);
});

t.test('what is asked for stays, the rest makes room', async (t) => {
  const memory = new RowMemory(10);
  for (let i = 0; i < 100; i += 1) {
    memory.remember([row(`other ${i}`)]);
    memory.remember([row('wanted')]);
  }
  t.same(memory.recall([row('wanted')]), ['wanted@1']);
  const found = Array.from({ length: 100 }, (_, i) => memory.recall([row(`other ${i}`)])).filter(Boolean);
  t.ok(found.length > 0 && found.length <= 20, `${found.length} rows are held`);
});

t.test('places are asked for first only while pages come from memory', async (t) => {
  const memory = new RowMemory(10);
  t.equal(memory.isWorthAsking, false);
  for (let i = 0; i < 20; i += 1) memory.remember([row('same')]);
  t.equal(memory.isWorthAsking, true);
  for (let i = 0; i < 40; i += 1) memory.remember([row(`new ${i}`)]);
  t.equal(memory.isWorthAsking, false);
});
