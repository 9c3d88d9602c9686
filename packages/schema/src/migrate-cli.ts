import { migrate } from './migrate.ts';

// oxlint-disable-next-line node/no-process-env -- the command's only input, as in a service's server.ts
const ownerUrl = process.env['DATABASE_URL'];

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  if (ownerUrl === undefined || ownerUrl === '') {
    throw new Error('DATABASE_URL must name the database as its owner: postgres://owner@host:5432/tributary');
  }
  await migrate(ownerUrl, say);
  say('The database is up to date.');
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
