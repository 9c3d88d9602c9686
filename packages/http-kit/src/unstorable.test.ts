import t from 'tap';
import { findUnstorable, mayBeUnstorable } from './unstorable.ts';

const nested = (levels: number, open = '[', close = ']') => open.repeat(levels) + close.repeat(levels);

t.test('sixty-four levels are fine, more are a fault that names its field, however many', async (t) => {
  for (const levels of [1, 64]) {
    t.notOk(mayBeUnstorable(nested(levels)));
    t.same(findUnstorable(JSON.parse(nested(levels))), []);
  }
  for (const levels of [64, 100, 300_000]) {
    const text = `{"a":1,"metadata":${nested(levels)}}`;
    t.ok(mayBeUnstorable(text));
    const [fault, ...others] = findUnstorable(JSON.parse(text));
    t.match(fault, { path: /^metadata\.0\.0\./, message: /deeper than 64 levels/ });
    t.same(others, []);
  }
  const mixed = `${'{"a":['.repeat(32)}{}${']}'.repeat(32)}`;
  t.ok(mayBeUnstorable(mixed));
  t.match(findUnstorable(JSON.parse(mixed)), [{ message: /deeper/ }]);
});

t.test('many brackets beside each other or within text are no nesting', async (t) => {
  const beside = JSON.stringify(Array.from({ length: 200 }, () => ({ a: [] })));
  t.same(findUnstorable(JSON.parse(beside)), []);
  t.same(findUnstorable({ a: '['.repeat(1_000) }), []);
});
