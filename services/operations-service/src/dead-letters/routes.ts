import { instant, Parameters } from '@tributary/commissions';
import {
  AppError,
  commonErrors,
  idParams,
  list,
  pageQuery,
  queryBoolean,
  rememberAnswer,
  requestContext,
  ok,
  sendJsonText,
  success,
  timestamp,
  type ServiceApp,
} from '@tributary/http-kit';
import { replayDeadLetter } from '@tributary/messaging';
import { z } from 'zod';
import { writeRecorded } from '../changes/recorded-write.ts';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { listPage } from '../lists/list-page.ts';
import type { ListSource } from '../lists/list-source.ts';

const deadLetterSchema = z.object({
  id: z.uuid(),
  stream: z.string(),
  consumer: z.string(),
  eventId: z.string().nullable(),
  eventType: z.string().nullable(),
  payload: z.unknown(),
  reason: z.string(),
  deliveries: z.int(),
  createdAt: timestamp,
  replayedAt: timestamp.nullable(),
});

const deadLetterWire = (
  d: string,
): string => `json_build_object('id', ${d}.id, 'stream', ${d}.stream, 'consumer', ${d}.consumer,
    'eventId', ${d}.event_id, 'eventType', ${d}.event_type, 'payload', ${d}.payload, 'reason', ${d}.reason,
    'deliveries', ${d}.deliveries, 'createdAt', ${instant(`${d}.created_at`)}, 'replayedAt', ${instant(`${d}.replayed_at`)})`;

const DEAD_LETTER_LIST = {
  from: 'dead_letters d',
  alias: 'd',
  wire: deadLetterWire('d'),
  sorts: { createdAt: { expression: 'd.created_at', type: 'timestamptz' } },
} as const satisfies ListSource<string>;

const deadLetterQuery = z.strictObject({
  ...pageQuery({ sort: ['createdAt'], defaultSort: '-createdAt' }),
  consumer: z.string().min(1).max(200).optional(),
  eventType: z.string().min(1).max(100).optional(),
  replayed: queryBoolean().optional(),
});

const replayedSchema = z.object({ id: z.uuid(), replayed: z.literal(true) });

/** Messages that a consumer gave up. */
export function registerDeadLetters(app: ServiceApp, deps: OperationsDeps): void {
  registerList(app, deps);
  registerReplay(app, deps);
}

function registerList(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/operations/dead-letters',
    schema: { querystring: deadLetterQuery, response: { 200: list(deadLetterSchema) } },
    config: {
      operationId: 'listDeadLetters',
      summary: 'List messages that consumers gave up, the newest first',
      scope: 'operations:read',
    },
    async handler(request, reply) {
      const { consumer, eventType, replayed, ...query } = request.query;
      const parameters = new Parameters();
      const conditions = [`d.program_id = ${parameters.add(request.identity.programId, 'text')}`];
      if (consumer !== undefined) conditions.push(`d.consumer = ${parameters.add(consumer, 'text')}`);
      if (eventType !== undefined) conditions.push(`d.event_type = ${parameters.add(eventType, 'text')}`);
      if (replayed !== undefined) conditions.push(`d.replayed_at IS ${replayed ? 'NOT ' : ''}NULL`);
      const filter = { consumer, eventType, replayed };
      return sendJsonText(
        reply,
        await listPage(deps.db, DEAD_LETTER_LIST, { query, conditions, parameters, filter }),
      );
    },
  });
}

function registerReplay(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'POST',
    url: '/operations/dead-letters/:id/replay',
    schema: { params: idParams, response: { 200: success(replayedSchema) } },
    config: {
      operationId: 'replayDeadLetter',
      summary: 'Give a message once more to the consumer that gave it up, and to no other',
      scope: 'operations:write',
      errors: [errors.DEAD_LETTER_NOT_FOUND, errors.DEAD_LETTER_NOT_AN_EVENT],
    },
    async handler(request) {
      const { id } = request.params;
      const context = requestContext(request, deps.clock());
      const { outcome } = await replayDeadLetter(deps, { programId: context.programId, id });
      switch (outcome) {
        case 'replayed':
          break;
        case 'not_found':
          throw new AppError(errors.DEAD_LETTER_NOT_FOUND, `There is no dead letter ${id}`);
        case 'not_an_event':
          throw new AppError(
            errors.DEAD_LETTER_NOT_AN_EVENT,
            'There is nothing to replay: look at its payload',
          );
        case 'nats_unavailable':
          throw new AppError(commonErrors.SERVICE_UNAVAILABLE, 'NATS is away', {
            headers: { 'retry-after': '5' },
          });
      }
      const { idempotency: _kept, ...unkeyed } = context;
      await writeRecorded(deps, unkeyed, (parameters, c) => ({
        ctes: [
          `written AS (SELECT id FROM dead_letters WHERE program_id = ${c.programId} AND id = ${parameters.add(id, 'uuid')})`,
        ],
        entityType: 'dead_letter',
        entityId: 'r.id::text',
        action: 'replayed',
        changes: `'[]'::jsonb`,
        events: [],
        answer: `(SELECT to_json(r.id) FROM written r)`,
      }));
      const answer = ok({ id, replayed: true as const });
      await rememberAnswer(deps.db, request, { status: 200, body: answer });
      return answer;
    },
  });
}
