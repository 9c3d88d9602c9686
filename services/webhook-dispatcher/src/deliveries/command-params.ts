import type { CommandContext } from '@tributary/http-kit';

/** The columns of an audit row, in the order in which the statements on deliveries fill them. */
export const AUDIT_COLUMNS = `id, program_id, entity_type, entity_id, action, user_id, actor, changes, reason, ip_address, user_agent,
      request_id, created_at`;

/** `$4` user, `$5` actor, `$6` address, `$7` user agent, `$8` request, `$9` now, `$10` Idempotency-Key. */
export const commandParams = ({
  actor,
  ipAddress,
  userAgent,
  requestId,
  now,
  idempotency,
}: CommandContext) => [
  actor.kind === 'user' ? actor.id : null,
  actor.name,
  ipAddress,
  userAgent,
  requestId,
  now,
  idempotency === undefined ? null : { ...idempotency },
];
