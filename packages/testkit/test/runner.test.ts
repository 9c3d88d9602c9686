import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';

import t from 'tap';

import { findTestFiles } from '../src/runner/find-test-files.ts';
import { reportEnd, reportFile } from '../src/runner/report.ts';
import type { FileResult } from '../src/runner/run-file.ts';

// Inside this package, because what it runs imports tap.
const folder = await mkdtemp(join(import.meta.dirname, 'tmp-runner-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));

async function runSource(name: string, source: string): Promise<FileResult> {
  const file = join(folder, `${name}.ts`);
  await writeFile(file, source);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const fixture = join(import.meta.dirname, 'run-file-fixture.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [fixture, file], { env });
  const [result] = JSON.parse(stdout) as FileResult[];
  if (result === undefined) throw new Error(`Nothing came of ${file}.`);
  return result;
}

t.test('tests are counted at the top level of a file', async (t) => {
  const result = await runSource(
    'counts',
    `import t from 'tap';
     t.test('one', async (t) => { t.ok(true); await t.test('inner', async (t) => { t.ok(true); }); });
     t.test('two', async (t) => { t.ok(true); });
     t.test('later', { skip: 'no need' }, async () => {});`,
  );
  t.match(result, { passed: 2, failed: 0, skipped: 1, failures: [] });
});

t.test('a failure is told once, with the names around it, its diff and what the file printed', async (t) => {
  const result = await runSource(
    'failure',
    `import t from 'tap';
     t.test('money', async (t) => { console.log('so far'); t.same({ amount: 1 }, { amount: 2 }, 'amounts agree'); });`,
  );
  t.match(result, { passed: 0, failed: 1, failures: [{ test: 'money > amounts agree' }] });
  const report = stripVTControlCharacters(reportFile(result));
  for (const part of ['money > amounts agree', '"amount": 2', '"amount": 1', 'so far']) t.match(report, part);
});

t.test('a file that runs no test, cannot be loaded, or dies late has failed', async (t) => {
  const results = await Promise.all([
    runSource('empty', 'console.log("nothing here");'),
    runSource('unloadable', "import 'no-such-package';"),
    runSource(
      'late',
      "import t from 'tap'; t.test('x', async (t) => { t.ok(true); }); process.on('exit', () => process.exit(7));",
    ),
  ]);
  t.same(
    results.map(({ failed }) => failed),
    [1, 1, 1],
  );
  t.equal(results[0]?.failures[0]?.detail, 'It ran no test.');
  t.match(results[1]?.output, /Cannot find package 'no-such-package'/);
});

t.test('files are found in packages and services, by folder too, and serial ones apart', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'testkit-files-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const files = [
    'packages/a/src/x.test.ts',
    'packages/a/test/serial/crash.test.ts',
    'services/b/test/deep/y.test.ts',
  ];
  for (const file of [...files, 'packages/a/node_modules/z/test/z.test.ts', 'packages/a/src/x.ts']) {
    await mkdir(join(root, file, '..'), { recursive: true });
    await writeFile(join(root, file), '');
  }
  const [unit, serial, service] = files;
  t.same(findTestFiles(root, []), { parallel: [unit, service], serial: [serial] });
  t.same(findTestFiles(root, ['services/b']), { parallel: [service], serial: [] });
  t.same(findTestFiles(root, ['packages/a/test/serial/crash.test.ts']), { parallel: [], serial: [serial] });
  t.throws(() => findTestFiles(root, ['packages/a/test/nothing.test.ts']), /no file or folder/);
  await mkdir(join(root, 'packages/c/src'), { recursive: true });
  t.throws(() => findTestFiles(root, ['packages/c']), /No test file found/);
});

t.test('the last line of the report is the sum', (t) => {
  const result = { file: 'a', passed: 3, skipped: 0, failed: 0, durationMs: 1, failures: [], output: '' };
  const report = reportEnd([result, { ...result, passed: 1, failed: 2 }], 1);
  t.equal(report.split('\n').at(-1), '4 passed, 2 failed');
  t.end();
});
