import { AppError, commonErrors } from '@tributary/http-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Dispatcher } from 'undici';
import { errors } from '../errors.ts';
import { Exchange, type ExchangeOutcome } from './exchange.ts';
import { isConnectionDied, isNotConnected, upstreamProblem } from './failures.ts';
import { forwardedHeaders, returnedHeaders } from './headers.ts';
import { isBodyless, readBody, type RequestBody } from './request-body.ts';
import { servicePath } from './service-document.ts';
import { CLIENT_CLOSED_REQUEST, type UpstreamMetrics } from './upstream-metrics.ts';
import { avoid, type Target, type Upstreams } from './upstreams.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who answers, or tried to: for the log. */
    target: Target | null;
  }
}

/** Between two tries at a service that refuses connections, because it is just being started again. */
const REFUSED_RETRY_MS = 100;
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

export interface ProxyDeps {
  readonly upstreams: Upstreams;
  readonly metrics: UpstreamMetrics;
  readonly clock: () => Date;
  /** How long a request waits for a service that refuses connections. */
  readonly patienceMs: number;
  /** Requests under way to one target at most. */
  readonly maxInFlight: number;
}

/** What is to be sent where, on whose behalf. */
export interface Forward {
  readonly service: string;
  /** The signed identity for this service. */
  readonly identity: string;
  /** Said to the tracking service about links that are asked for too often. */
  readonly isOverLimit: boolean;
}

interface Job {
  readonly deps: ProxyDeps;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly service: string;
  readonly options: Omit<Dispatcher.DispatchOptions, 'origin'>;
  readonly startedAt: number;
  wasRetried: boolean;
}

export type Proxy = (request: FastifyRequest, reply: FastifyReply, forward: Forward) => void;

/** Sends requests on to the services and their answers back. The reply is hijacked once an answer begins. */
export function createProxy(deps: ProxyDeps): Proxy {
  return (request, reply, forward) => {
    if (isBodyless(request.raw)) {
      attempt(newJob(deps, { request, reply, forward, body: null }));
      return;
    }
    readBody(request.raw)
      .then((body) => attempt(newJob(deps, { request, reply, forward, body })))
      .catch((error: unknown) => reply.send(error instanceof AppError ? error : unfinishedBody(error)));
  };
}

function unfinishedBody(cause: unknown): AppError {
  return new AppError(commonErrors.VALIDATION_ERROR, 'The body was not sent to its end', { cause });
}

function newJob(
  deps: ProxyDeps,
  from: {
    readonly request: FastifyRequest;
    readonly reply: FastifyReply;
    readonly forward: Forward;
    readonly body: RequestBody;
  },
): Job {
  const { request, reply, forward, body } = from;
  return {
    deps,
    request,
    reply,
    service: forward.service,
    startedAt: performance.now(),
    wasRetried: false,
    options: {
      path: servicePath(request.raw.url ?? '/'),
      method: request.method,
      body,
      headers: forwardedHeaders(request.headers, {
        identity: forward.identity,
        requestId: request.id,
        address: request.ip,
        protocol: request.protocol,
        host: request.host,
        isOverLimit: forward.isOverLimit,
      }),
    },
  };
}

function attempt(job: Job): void {
  const { deps, reply } = job;
  const target = deps.upstreams.pick(job.service);
  if (target === undefined) throw new Error(`${job.service} is no upstream`);
  if (target.inFlight >= deps.maxInFlight) {
    const headers = { 'retry-after': '1' };
    reply.send(
      new AppError(errors.GATEWAY_BUSY, `${job.service} has too many requests under way`, { headers }),
    );
    return;
  }
  target.inFlight += 1;
  job.request.target = target;
  const sentAt = performance.now();
  const exchange = new Exchange(reply.raw, {
    onHead(headers) {
      const own = reply.getHeaders();
      reply.hijack();
      return returnedHeaders(headers, own);
    },
    onEnd(outcome) {
      target.inFlight -= 1;
      deps.metrics.observe(target, statusOf(outcome, job.service), (performance.now() - sentAt) / 1000);
      conclude(job, target, outcome);
    },
  });
  target.pool.dispatch(job.options, exchange);
}

function conclude(job: Job, target: Target, outcome: ExchangeOutcome): void {
  switch (outcome.kind) {
    case 'answered':
      return;
    case 'abandoned':
      job.reply.hijack();
      return;
    case 'cut':
      job.request.log.warn({ err: outcome.error, upstream: job.service }, 'an answer was cut off');
      return;
    case 'failed':
      recover(job, target, outcome.error);
      return;
    default:
      outcome satisfies never;
  }
}

/** Sends again what may be sent again; otherwise says what went wrong. */
function recover(job: Job, target: Target, error: Error): void {
  const { deps, reply, options } = job;
  if (isNotConnected(error)) {
    avoid(target, deps.clock().getTime());
    const isPatient = performance.now() - job.startedAt < deps.patienceMs;
    const another = deps.upstreams.pick(job.service) !== target;
    if ((isPatient || another) && isRepeatable(options.body)) {
      setTimeout(() => attemptUnlessGone(job), another ? 0 : REFUSED_RETRY_MS);
      return;
    }
  } else if (isConnectionDied(error) && SAFE_METHODS.has(options.method) && !job.wasRetried) {
    job.wasRetried = true;
    attempt(job);
    return;
  }
  reply.send(upstreamProblem(job.service, error));
}

function attemptUnlessGone(job: Job): void {
  if (job.reply.raw.destroyed) job.reply.hijack();
  else attempt(job);
}

/** A stream has been read from and cannot be sent a second time. */
function isRepeatable(body: Dispatcher.DispatchOptions['body']): boolean {
  return body === null || body === undefined || Buffer.isBuffer(body);
}

function statusOf(outcome: ExchangeOutcome, service: string): number {
  if (outcome.kind === 'answered') return outcome.status;
  return outcome.kind === 'abandoned'
    ? CLIENT_CLOSED_REQUEST
    : upstreamProblem(service, outcome.error).statusCode;
}
