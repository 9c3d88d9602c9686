import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';

const COUNT_LOADED = `
  import { registerHooks } from 'node:module';
  const loaded = [];
  registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
  await import(process.argv[1]);
  console.log(JSON.stringify(loaded.filter((url) => url.includes('drizzle'))));
`;

async function drizzleModulesOf(entry: string): Promise<string[]> {
  const url = new URL(entry, import.meta.url).href;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    COUNT_LOADED,
    url,
  ]);
  return JSON.parse(stdout) as string[];
}

t.test('importing the package loads nothing of Drizzle, whose modules cost a process 200 MB', async (t) => {
  t.same(await drizzleModulesOf('../src/index.ts'), []);
  t.not(
    (await drizzleModulesOf('../src/tables/index.ts')).length,
    0,
    'the probe sees Drizzle where it is loaded',
  );
});
