import type { QueryParam } from '@tributary/schema';

import type { CommandContext } from '../context.ts';

/**
 * Numbers the parameters of one statement. Parts are always composed in the same order, so the text of a combination is
 * always the same and stays prepared.
 */
export class Parameters {
  readonly values: QueryParam[] = [];

  /** Adds a value and answers its typed placeholder, for example `$3::uuid`. */
  add(value: QueryParam, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }
}

/** The placeholders of who, when and from where: added once a statement. */
export interface ContextPlaceholders {
  programId: string;
  now: string;
  actor: string;
  actorName: string;
  userId: string;
  requestId: string;
  ipAddress: string;
  userAgent: string;
  jobId: string;
}

export function addContext(parameters: Parameters, context: CommandContext): ContextPlaceholders {
  const { actor } = context;
  return {
    programId: parameters.add(context.programId, 'text'),
    now: parameters.add(context.now, 'timestamptz'),
    actor: parameters.add({ ...actor }, 'jsonb'),
    actorName: parameters.add(actor.name, 'text'),
    userId: parameters.add(actor.kind === 'user' ? actor.id : null, 'uuid'),
    requestId: parameters.add(context.requestId, 'text'),
    ipAddress: parameters.add(context.ipAddress, 'text'),
    userAgent: parameters.add(context.userAgent, 'text'),
    jobId: parameters.add(context.jobId ?? null, 'uuid'),
  };
}
