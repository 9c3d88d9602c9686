// What `npm run bench:fill` runs: a programme's past by the million rows, in an empty migrated database.
import { parseArgs } from 'node:util';

import { connect } from '@tributary/schema';

import { fillHistory } from './fill/history.ts';

const USAGE =
  'DATABASE_URL=postgres://... npm run bench:fill -- [--clicks 10000000] [--orders 1000000] [--partners 1000] [--days 60]';

async function main(): Promise<number> {
  const url = process.env['DATABASE_URL'];
  const number = (fallback: string) => ({ type: 'string', default: fallback }) as const;
  const { values } = parseArgs({
    options: {
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
  if (url === undefined || !Object.values(size).every((count) => Number.isSafeInteger(count) && count > 0)) {
    console.error(USAGE);
    return 2;
  }
  const owner = connect({ url, applicationName: 'bench-fill', maxConnections: 2 });
  const began = performance.now();
  try {
    await fillHistory(owner, size, (line) => console.log(line));
  } finally {
    await owner.close();
  }
  console.log(`filled in ${Math.round((performance.now() - began) / 1_000)} s`);
  return 0;
}

process.exitCode = await main();
