import type { Clock } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { z } from 'zod';
import { defineJob, type JobDeclaration, type JobRun } from '../jobs/declaration.ts';

const DAY_MS = 86_400_000;
const KEPT_MS = 90 * DAY_MS;
/** A click may be stored later than it happened (Postgres was away): at most as long as the stream of spilled ones lasts. */
const LATE_MS = 8 * DAY_MS;
const CHUNK = 5_000;

const position = z.object({ at: z.string(), id: z.uuid() });
type Position = z.output<typeof position>;

const START: Position = { at: new Date(0).toISOString(), id: '00000000-0000-0000-0000-000000000000' };

/** Clicks older than 90 days lose user agent, referrer and hashes: what is left tells of nobody. */
export function anonymiseClicks(deps: { readonly db: Database; readonly clock: Clock }): JobDeclaration {
  return defineJob({
    name: 'anonymise-clicks',
    schedule: { cron: '20 3 * * *', timeZone: 'UTC', catchUp: 'latest' },
    deadlineMs: 4 * 3_600_000,
    parameters: z.strictObject({}),
    run: (run) => anonymise(deps, run),
  });
}

async function anonymise(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  run: JobRun<unknown>,
): Promise<void> {
  const before = new Date(clock().getTime() - KEPT_MS);
  let from = run.checkpoint === null ? await startOf(db, run) : position.parse(run.checkpoint);
  for (;;) {
    const page = await anonymisePage(db, run.programId, { from, before });
    if (page === undefined) break;
    from = { at: page.at, id: page.id };
    await run.report({ succeeded: page.anonymised, checkpoint: from });
  }
  await run.report({ stats: { before: before.toISOString() } });
}

interface AnonymisedPage {
  readonly at: string;
  readonly id: string;
  readonly anonymised: number;
}

// By the primary key, a stretch at a time. Clicks without anything to lose are left as they are, so that going over them again
// costs no writing.
const ANONYMISE = `
  WITH page AS (
    SELECT clicked_at, id, program_id FROM referral_clicks
    WHERE clicked_at >= $2::timestamptz AND clicked_at < $3 AND (clicked_at, id) > ($2::timestamptz, $4::uuid) AND program_id = $1
    ORDER BY clicked_at, id LIMIT $5::int),
  anonymised AS (
    UPDATE referral_clicks c SET user_agent = NULL, referrer = NULL, visitor_hash = NULL, fingerprint_hash = NULL
    FROM page p WHERE c.clicked_at = p.clicked_at AND c.id = p.id AND c.program_id = p.program_id
      AND (c.user_agent IS NOT NULL OR c.referrer IS NOT NULL OR c.visitor_hash IS NOT NULL OR c.fingerprint_hash IS NOT NULL)
    RETURNING 1)
  SELECT clicked_at AS at, id, (SELECT count(*)::int FROM anonymised) AS anonymised FROM page
  ORDER BY clicked_at DESC, id DESC LIMIT 1`;

async function anonymisePage(
  db: Database,
  programId: string,
  { from, before }: { readonly from: Position; readonly before: Date },
): Promise<AnonymisedPage | undefined> {
  const [row] = await db.query<Omit<AnonymisedPage, 'at'> & { at: Date }>(ANONYMISE, [
    programId,
    from.at,
    before,
    from.id,
    CHUNK,
  ]);
  return row === undefined ? undefined : { ...row, at: row.at.toISOString() };
}

const LAST_DONE = `
  SELECT stats ->> 'before' AS before FROM jobs
  WHERE program_id = $1 AND name = $2 AND status = 'succeeded' ORDER BY created_at DESC, id DESC LIMIT 1`;

/** Where the last run that succeeded ended, less what may have come late. */
async function startOf(db: Database, run: JobRun<unknown>): Promise<Position> {
  const [row] = await db.query<{ before: string | null }>(LAST_DONE, [run.programId, run.name]);
  const before = row?.before;
  if (before === undefined || before === null) return START;
  return { ...START, at: new Date(Date.parse(before) - LATE_MS).toISOString() };
}
