import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { SERVICE_ROLE, connect, type Database } from '@tributary/schema';

import { connectForFilling, openDataFolder } from '../fill/filled-database.ts';
import { fillHistory, type HistorySize } from '../fill/history.ts';
import type { RowContext } from '../row.ts';

/** A database with a programme's past in it. */
export interface Past {
  readonly serviceUrl: string;
  /** As owner, who has no statement time-out. */
  readonly owner: Database;
  readonly size: string;
  /** The last moment of the past. */
  readonly end: Date;
  stop(): Promise<void>;
}

type PastContext = RowContext & { readonly settings?: Readonly<Record<string, string>> };

const FULL: HistorySize = { clicks: 10_000_000, orders: 1_000_000, partners: 1_000, days: 60 };
const QUICK: HistorySize = { clicks: 500_000, orders: 50_000, partners: 1_000, days: 60 };

/** A raw query over ten million rows takes seconds; that of each partner in turn tens of them. */
const ANSWER_MS = 240_000;

/**
 * Opens the past that is kept in the run's data folder, or makes it there: a quarter of an hour and 18 GB the first time. A quick
 * run is content with a small one that is thrown away, unless a folder is named.
 */
export async function openPast({
  folder,
  root,
  quick = false,
  data,
  log,
  settings = {},
}: PastContext): Promise<Past> {
  const kept = data ?? (quick ? folder : join(root, '.tributary', 'bench', 'past'));
  const dataDir = join(kept, 'postgres');
  if (!existsSync(dataDir)) log(`filling ${dataDir}`);
  const postgres = await openDataFolder(dataDir, root, settings);
  try {
    const end = (await findEnd(postgres.url)) ?? (await fill(postgres.url, quick ? QUICK : FULL));
    const service = new URL(postgres.url);
    service.username = SERVICE_ROLE;
    const owner = connect({
      url: postgres.url,
      applicationName: 'bench',
      maxConnections: 2,
      answerTimeoutMs: ANSWER_MS,
    });
    const [found] = await owner.query<{ size: string }>(
      `SELECT format('%s clicks, %s commissions', to_char(clicks, 'FM999G999G999'), to_char(commissions, 'FM999G999G999')) AS size
       FROM (SELECT (SELECT count(*) FROM referral_clicks) AS clicks, (SELECT count(*) FROM commissions) AS commissions) AS n`,
    );
    return {
      serviceUrl: service.href,
      owner,
      size: found?.size ?? '',
      end,
      async stop() {
        await owner.close();
        await postgres.stop();
      },
    };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

/** When the past ends; undefined where it was never filled to its end. */
async function findEnd(ownerUrl: string): Promise<Date | undefined> {
  const db = connect({ url: ownerUrl, applicationName: 'bench', maxConnections: 1 });
  try {
    const [row] = await db.query<{ end: Date | null }>(
      'SELECT max(placed_at) AS end FROM orders WHERE EXISTS (SELECT FROM rollup_progress)',
    );
    return row?.end ?? undefined;
  } finally {
    await db.close();
  }
}

async function fill(ownerUrl: string, size: HistorySize): Promise<Date> {
  const owner = connectForFilling(ownerUrl);
  try {
    return (await fillHistory(owner, size, () => undefined)).to;
  } finally {
    await owner.close();
  }
}
