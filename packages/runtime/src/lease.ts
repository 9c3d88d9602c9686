import type { Database } from '@tributary/schema';

/** A right to do something alone. `token` grows with every holder: a writer with an older one is late. */
export interface HeldLease {
  readonly name: string;
  readonly holder: string;
  /** Fencing token; int8 as text. Put it into the WHERE of what is written under the lease. */
  readonly token: string;
}

export interface Lease {
  /** Undefined while somebody else holds it. */
  acquire(): Promise<HeldLease | undefined>;
  /** False when the lease has passed to somebody else. */
  renew(held: HeldLease): Promise<boolean>;
  release(held: HeldLease): Promise<void>;
  readonly name: string;
  readonly ttlMs: number;
}

export interface LeaseOptions {
  readonly db: Pick<Database, 'query'>;
  readonly name: string;
  /** Unique per process, for instance `batch-scheduler:<uuid>`. */
  readonly holder: string;
  readonly ttlMs?: number;
}

// The database's clock decides, so that the clocks of the processes need not agree. A released lease keeps its row:
// the token must never start again.
const ACQUIRE = `
  INSERT INTO leases AS lease (name, holder, token, expires_at)
  VALUES ($1, $2, 1, clock_timestamp() + $3::int * interval '1 ms')
  ON CONFLICT (name) DO UPDATE
    SET holder = excluded.holder, token = lease.token + 1, expires_at = excluded.expires_at
    WHERE lease.expires_at <= clock_timestamp()
  RETURNING token::text`;

const RENEW = `
  UPDATE leases SET expires_at = clock_timestamp() + $4::int * interval '1 ms'
  WHERE name = $1 AND holder = $2 AND token = $3::bigint
  RETURNING name`;

const RELEASE = `
  UPDATE leases SET expires_at = clock_timestamp()
  WHERE name = $1 AND holder = $2 AND token = $3::bigint`;

/** A lease kept in Postgres; each operation is one statement. `ttlMs` is 15 s by default. */
export function createLease({ db, name, holder, ttlMs = 15_000 }: LeaseOptions): Lease {
  return {
    name,
    ttlMs,
    async acquire() {
      const [row] = await db.query<{ token: string }>(ACQUIRE, [name, holder, ttlMs]);
      return row === undefined ? undefined : { name, holder, token: row.token };
    },
    async renew(held) {
      const rows = await db.query(RENEW, [held.name, held.holder, held.token, ttlMs]);
      return rows.length > 0;
    },
    async release(held) {
      await db.query(RELEASE, [held.name, held.holder, held.token]);
    },
  };
}
