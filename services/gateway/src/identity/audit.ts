import { newId } from '@tributary/runtime';

/** One audited field, as it stands in `audit_logs.changes`. */
export interface AuditedChange {
  readonly field: string;
  readonly oldValue: unknown;
  readonly newValue: unknown;
}

/** Who did it, when and from where. */
export interface Auditor {
  readonly actor: { readonly kind: string; readonly id: string | null; readonly name: string };
  readonly requestId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly now: Date;
}

/** The jsonb parameter that `auditInsert` reads. */
export function auditParameter(context: Auditor, changes: readonly AuditedChange[] = []): object {
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
 * so that neither can be there without the other. `parameter` is the number of the one made by `auditParameter`; `action` is SQL,
 * and so is `changes`, where only the rows can tell them.
 */
export function auditInsert(options: {
  readonly from: string;
  readonly entityType: 'user' | 'api_key';
  readonly action: string;
  readonly parameter: number;
  readonly changes?: string;
}): string {
  const audit = `$${options.parameter}::jsonb`;
  const changes = options.changes ?? `${audit}->'changes'`;
  return `
    INSERT INTO audit_logs (id, program_id, entity_type, entity_id, action, user_id, actor, changes,
                            ip_address, user_agent, request_id, created_at)
    SELECT (${audit}->>'id')::uuid, program_id, '${options.entityType}', id::text, ${options.action},
           (${audit}->>'userId')::uuid, ${audit}->>'actor', ${changes},
           ${audit}->>'ipAddress', ${audit}->>'userAgent', ${audit}->>'requestId', (${audit}->>'at')::timestamptz
    FROM ${options.from}`;
}
