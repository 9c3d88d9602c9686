import type { Actor, StoredEvent } from '@tributary/event-catalog';
import type { Database } from '@tributary/schema';

/** The answer that the statement of an effect keeps under an Idempotency-Key. */
export interface IdempotencyClaim {
  principal: string;
  method: string;
  path: string;
  key: string;
  bodyHash: string;
  /** HTTP status of the answer that will be replayed. */
  status: number;
}

/** Who does something, when and from where: goes into entry, audit row and event alike. */
export interface CommandContext {
  programId: string;
  actor: Actor;
  requestId: string | null;
  ipAddress: string | null;
  userAgent: string | null;
  now: Date;
  /** The job on whose behalf it is done. */
  jobId?: string;
  idempotency?: IdempotencyClaim;
}

/** What every command needs. `publish` is told of events after they are committed and must not block. */
export interface CommandDeps {
  db: Database;
  publish: (events: readonly StoredEvent[]) => void;
}

/** The context of background work: `system:<job>`, without a person behind it. */
export function systemContext(job: string, programId: string, now: Date): CommandContext {
  return {
    programId,
    actor: { kind: 'system', id: null, name: `system:${job}` },
    requestId: null,
    ipAddress: null,
    userAgent: null,
    now,
  };
}
