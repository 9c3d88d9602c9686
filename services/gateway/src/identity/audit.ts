import type { CommandContext } from '@tributary/http-kit';
import { newId } from '@tributary/runtime';

/** One audited field, as it stands in `audit_logs.changes`. */
export interface AuditedChange {
  readonly field: string;
  readonly oldValue: unknown;
  readonly newValue: unknown;
}

/** The jsonb parameter that `auditInsert` reads. */
export function auditParameter(context: CommandContext, changes: readonly AuditedChange[]): object {
  return {
    id: newId(),
    userId: context.actor.kind === 'user' ? context.actor.id : null,
    actor: context.actor.name,
    ipAddress: context.ipAddress,
    userAgent: context.userAgent,
    requestId: context.requestId,
    changes,
    at: context.now.toISOString(),
  };
}

/**
 * The audit row of each row that the CTE `from` returned (with `id` and `program_id`): part of the statement of the change,
 * so that neither can be there without the other. `parameter` is the number of the one made by `auditParameter`.
 */
export function auditInsert(options: {
  readonly from: string;
  readonly entityType: 'user' | 'api_key';
  readonly action: string;
  readonly parameter: number;
}): string {
  const audit = `$${options.parameter}::jsonb`;
  return `
    INSERT INTO audit_logs (id, program_id, entity_type, entity_id, action, user_id, actor, changes,
                            ip_address, user_agent, request_id, created_at)
    SELECT (${audit}->>'id')::uuid, program_id, '${options.entityType}', id::text, '${options.action}',
           (${audit}->>'userId')::uuid, ${audit}->>'actor', ${audit}->'changes',
           ${audit}->>'ipAddress', ${audit}->>'userAgent', ${audit}->>'requestId', (${audit}->>'at')::timestamptz
    FROM ${options.from}`;
}
