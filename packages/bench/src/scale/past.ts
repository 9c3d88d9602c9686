import { connect, type Database } from '@tributary/schema';
import type { ServerHandle } from '@tributary/local-servers';

import { connectForFilling, openDataFolder } from '../fill/filled-database.ts';
import { fillHistory, type HistorySize } from '../fill/history.ts';

/** A programme's past of a given size, in a Postgres of its own. */
export interface Past {
  readonly ownerUrl: string;
  readonly owner: Database;
  readonly orders: number;
  /** Its last moment. */
  readonly end: Date;
  readonly postgres: ServerHandle;
  stop(): Promise<void>;
}

export const PARTNER_COUNT = 1_000;
const DAYS = 60;
/** A tenth of the clicks lead to an order, each with a conversion and a commission. */
const CLICKS_AN_ORDER = 10;
const ANSWER_MS = 240_000;

export async function makePast(folder: string, root: string, clicks: number): Promise<Past> {
  const postgres = await openDataFolder(folder, root);
  try {
    const orders = Math.round(clicks / CLICKS_AN_ORDER);
    const end = await fill(postgres.url, { clicks, orders, partners: PARTNER_COUNT, days: DAYS });
    const owner = connect({
      url: postgres.url,
      applicationName: 'scale',
      maxConnections: 2,
      answerTimeoutMs: ANSWER_MS,
    });
    return {
      ownerUrl: postgres.url,
      owner,
      orders,
      end,
      postgres,
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

async function fill(ownerUrl: string, size: HistorySize): Promise<Date> {
  const owner = connectForFilling(ownerUrl);
  try {
    return (await fillHistory(owner, size, () => undefined)).to;
  } finally {
    await owner.close();
  }
}
