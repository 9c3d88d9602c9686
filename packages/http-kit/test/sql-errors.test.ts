import { connect } from '@tributary/schema';
import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';
import { databaseProblem } from '../src/index.ts';

await t.test('what Postgres refuses becomes an answer that the client can act on', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  await owner.query(
    'CREATE TABLE things (id int PRIMARY KEY, amount numeric(4,2) NOT NULL CHECK (amount > 0))',
  );
  await owner.query('INSERT INTO things VALUES (1, 1)');
  const problemOf = async (statement: string) => {
    const error: unknown = await owner.query(statement).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    const problem = databaseProblem(error);
    return [problem?.spec.status, problem?.spec.code];
  };
  const cases: readonly (readonly [string, number, string])[] = [
    ['INSERT INTO things VALUES (1, 1)', 409, 'CONFLICT'],
    ['INSERT INTO things VALUES (2, -1)', 400, 'VALIDATION_ERROR'],
    ['INSERT INTO things VALUES (2, NULL)', 400, 'VALIDATION_ERROR'],
    ['INSERT INTO things VALUES (2, 1000)', 400, 'VALIDATION_ERROR'],
    [`SELECT '2026-02-30'::date`, 400, 'VALIDATION_ERROR'],
    [`SELECT 'x'::uuid`, 400, 'VALIDATION_ERROR'],
    [`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '55P03'; END $$`, 409, 'CONCURRENT_CHANGE'],
    [`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$`, 409, 'CONCURRENT_CHANGE'],
    [`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '57014'; END $$`, 503, 'SERVICE_UNAVAILABLE'],
    [`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53300'; END $$`, 503, 'SERVICE_UNAVAILABLE'],
  ];
  for (const [statement, ...expected] of cases) t.same(await problemOf(statement), expected, statement);
  t.same(await problemOf('SELECT * FROM nowhere'), [undefined, undefined], 'a fault of ours stays a 500');
  t.equal((await db.query('SELECT 1')).length, 1);
});

await t.test('a database that cannot be reached is a 503 that says when to come back', async (t) => {
  const db = connect({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' });
  t.teardown(async () => db.close());
  const problem = databaseProblem(await db.query('SELECT 1').catch((error: unknown) => error));
  t.equal(problem?.spec.code, 'SERVICE_UNAVAILABLE');
  t.same(problem?.extra.headers, { 'retry-after': '1' });
});
