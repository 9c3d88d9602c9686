import { decodeCursor, idParams, ok, ownPartnerOnly, requestContext, success } from '@tributary/http-kit';
import type { ServiceApp } from '@tributary/http-kit';
import type { Clock } from '@tributary/runtime';
import { z } from 'zod';
import { eventTypesField } from '../endpoints/endpoint-wire.ts';
import { endpointDisabled, endpointNotFound } from '../endpoints/outcomes.ts';
import { errors } from '../errors.ts';
import { cursorAt, cursorField, positionSchema } from '../paging.ts';
import type { RouteDeps } from '../routes-context.ts';
import { recoverEndpoint, RECOVER_LIMIT } from './retry-delivery.ts';
import type { RecoverOutcome, Recovery } from './retry-delivery.ts';
import { replayEvents, REPLAY_LIMIT } from './replay-events.ts';
import type { Replay, ReplayOutcome } from './replay-events.ts';

const write = { scope: 'webhooks:write', partnerAccess: 'own' } as const;

/** Many deliveries of one endpoint again: those that failed, or all of a range. */
export function recoveryRoutes(app: ServiceApp, deps: RouteDeps): void {
  recoverRoute(app, deps);
  replayRoute(app, deps);
}

const instant = z.iso.datetime({ offset: true });
const span = z.tuple([instant, instant.optional()]);

/** Looked at whatever else is wrong with the body, as far as both times are times. An end that is left open is now. */
function isSpan(clock: Clock, from: unknown, to: unknown): boolean {
  const times = span.safeParse([from, to]);
  if (!times.success) return true;
  const [begin, end] = times.data;
  return new Date(begin) <= (end === undefined ? clock() : new Date(end));
}

const recoverBody = (clock: Clock) =>
  z
    .strictObject({ since: instant, until: instant.optional(), dryRun: z.boolean().default(false) })
    .refine(({ since, until }) => isSpan(clock, since, until), {
      path: ['since'],
      message: 'must not be after until',
      when: ({ value }) => isObject(value),
    });

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

function recoverRoute(app: ServiceApp, deps: RouteDeps): void {
  app.route({
    method: 'POST',
    url: '/webhooks/endpoints/:id/recover',
    schema: {
      params: idParams,
      body: recoverBody(deps.clock),
      response: { 200: success(z.object({ matched: z.int(), queued: z.int() })) },
    },
    config: {
      ...write,
      operationId: 'recoverWebhookEndpoint',
      summary: `Deliver again what failed since a time, up to ${RECOVER_LIMIT} per call; dryRun only counts`,
      errors: [errors.WEBHOOK_ENDPOINT_NOT_FOUND, errors.WEBHOOK_ENDPOINT_DISABLED],
    },
    handler: async (request) => {
      const { params, identity, body } = request;
      const now = deps.clock();
      const since = new Date(body.since);
      const until = body.until === undefined ? now : new Date(body.until);
      const target = {
        id: params.id,
        ownPartnerId: ownPartnerOnly(identity),
        since,
        until,
        dryRun: body.dryRun,
      };
      const outcome = await recoverEndpoint(deps.db, requestContext(request, now), target);
      const recovery = recoveryOrThrow(outcome, params.id);
      deps.wake();
      return ok(recovery);
    },
  });
}

const replayAnswer = z.object({
  matched: z.int(),
  queued: z.int(),
  nextCursor: z.string().nullable().meta({ description: 'Not null: more of the range is left' }),
});

type ReplayAnswer = z.output<typeof replayAnswer>;

const replayBody = (clock: Clock) =>
  z
    .strictObject({
      from: instant,
      to: instant.optional(),
      eventTypes: eventTypesField.min(1).optional(),
      cursor: cursorField.optional().meta({ description: 'nextCursor of the call before' }),
      dryRun: z.boolean().default(false),
    })
    .refine(({ from, to }) => isSpan(clock, from, to), {
      path: ['from'],
      message: 'must not be after to',
      when: ({ value }) => isObject(value),
    });

function replayRoute(app: ServiceApp, deps: RouteDeps): void {
  app.route({
    method: 'POST',
    url: '/webhooks/endpoints/:id/replay',
    schema: { params: idParams, body: replayBody(deps.clock), response: { 200: success(replayAnswer) } },
    config: {
      ...write,
      operationId: 'replayWebhookEvents',
      summary: `Deliver a range of events to an endpoint again, about ${REPLAY_LIMIT} per call; dryRun only counts`,
      errors: [errors.WEBHOOK_ENDPOINT_NOT_FOUND, errors.WEBHOOK_ENDPOINT_DISABLED],
    },
    handler: async (request) => {
      const { params, identity, body } = request;
      const context = requestContext(request, deps.clock());
      const target = {
        id: params.id,
        ownPartnerId: ownPartnerOnly(identity),
        ...replayTarget(body, context.now),
      };
      const outcome = await replayEvents(deps.db, context, target, replayOf);
      const answer = replayOf(replayOrThrow(outcome, params.id));
      deps.wake();
      return ok(answer);
    },
  });
}

function replayTarget(body: z.output<ReturnType<typeof replayBody>>, now: Date) {
  const from = new Date(body.from);
  const to = body.to === undefined ? now : new Date(body.to);
  const { eventTypes, dryRun, cursor } = body;
  const [createdAt, id] = cursor === undefined ? [] : decodeCursor(positionSchema, cursor);
  const after = createdAt === undefined || id === undefined ? undefined : { createdAt, id };
  return { from, to, eventTypes, dryRun, after };
}

const replayOf = ({ matched, queued, next }: Replay): ReplayAnswer => ({
  matched,
  queued,
  nextCursor: next === undefined ? null : cursorAt(next),
});

function recoveryOrThrow(outcome: RecoverOutcome, id: string): Recovery {
  switch (outcome.outcome) {
    case 'done':
      return outcome.recovery;
    case 'not_found':
      throw endpointNotFound(id);
    case 'endpoint_disabled':
      throw endpointDisabled();
  }
}

function replayOrThrow(outcome: ReplayOutcome, id: string): Replay {
  switch (outcome.outcome) {
    case 'done':
      return outcome.replay;
    case 'not_found':
      throw endpointNotFound(id);
    case 'endpoint_disabled':
      throw endpointDisabled();
  }
}
