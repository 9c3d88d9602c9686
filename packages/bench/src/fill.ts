// What `npm run bench:fill` runs: a programme's past by the million rows, in an empty migrated database or a folder of its own.
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { connectForFilling, openDataFolder } from './fill/filled-database.ts';
import { fillHistory, type HistorySize } from './fill/history.ts';

const USAGE = `npm run bench:fill -- --into FOLDER [--clicks 10000000] [--orders 1000000] [--partners 1000] [--days 60]
or, instead of --into, DATABASE_URL=postgres://... of an empty migrated database and one of its superusers.
It takes a quarter of an hour on two busy cores, and 18 GB of disk (10 of database, the rest write-ahead log).`;

interface Request {
  readonly size: HistorySize;
  /** Gets a folder `postgres`, as `npm run bench -- --data` wants it. */
  readonly folder: string | undefined;
  readonly url: string | undefined;
}

function readRequest(): Request | undefined {
  const number = (fallback: string) => ({ type: 'string', default: fallback }) as const;
  const { values } = parseArgs({
    options: {
      into: { type: 'string' },
      clicks: number('10000000'),
      orders: number('1000000'),
      partners: number('1000'),
      days: number('60'),
    },
  });
  const size = {
    clicks: Number(values.clicks),
    orders: Number(values.orders),
    partners: Number(values.partners),
    days: Number(values.days),
  };
  const url = process.env['DATABASE_URL'];
  const isComplete = values.into !== undefined || url !== undefined;
  if (!isComplete || !Object.values(size).every((count) => Number.isSafeInteger(count) && count > 0))
    return undefined;
  return { size, folder: values.into === undefined ? undefined : resolve(values.into), url };
}

async function fill(ownerUrl: string, size: HistorySize): Promise<void> {
  const owner = connectForFilling(ownerUrl);
  const began = performance.now();
  const seconds = (): number => Math.round((performance.now() - began) / 1_000);
  try {
    await fillHistory(owner, size, (line) => console.log(`${String(seconds()).padStart(5)} s  ${line}`));
    const [row] = await owner.query<{ size: string }>(
      'SELECT pg_size_pretty(pg_database_size(current_database())) AS size',
    );
    console.log(`filled in ${seconds()} s: ${row?.size ?? '?'}`);
  } finally {
    await owner.close();
  }
}

async function main(): Promise<number> {
  const request = readRequest();
  if (request === undefined) {
    console.error(USAGE);
    return 2;
  }
  const { folder, url, size } = request;
  if (folder === undefined) {
    await fill(url ?? '', size);
    return 0;
  }
  const postgres = await openDataFolder(join(folder, 'postgres'), resolve(import.meta.dirname, '../../..'));
  try {
    await fill(postgres.url, size);
  } finally {
    await postgres.stop();
  }
  console.log(`kept in ${folder}`);
  return 0;
}

process.exitCode = await main();
