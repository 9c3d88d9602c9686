import { connect, connectReads, type Database, type ReadDatabase } from '@tributary/schema';
import { SERVICE } from './app.ts';

export interface Databases {
  /** For commands and for rows found by their id. */
  readonly db: Database;
  /** For lists and statistics. */
  readonly reads: ReadDatabase;
  close(): Promise<void>;
}

interface DatabasesConfig {
  readonly DATABASE_URL: string;
  readonly TRIBUTARY_READ_DATABASE_URL?: string | undefined;
}

/** Lists wait for each other rather than keep Postgres from taking clicks and orders. */
const LIST_CONNECTIONS = 4;

/**
 * Commands, which find rows by keys, are planned once per connection. Lists have connections of their own, because their plans
 * depend on what is asked: the index of claw-backs is of use to a plan that knows that claw-backs were asked for.
 */
export function connectDatabases(config: DatabasesConfig): Databases {
  const primary = { url: config.DATABASE_URL, applicationName: SERVICE };
  const db = connect({ ...primary, plans: 'once' });
  const lists = connect({ ...primary, maxConnections: LIST_CONNECTIONS });
  const url = config.TRIBUTARY_READ_DATABASE_URL;
  const reads = connectReads({ primary: lists, url, applicationName: SERVICE });
  return {
    db,
    reads,
    async close() {
      await Promise.all([reads.close(), lists.close(), db.close()]);
    },
  };
}
