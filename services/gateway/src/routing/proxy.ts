import { AppError, commonErrors, DRAINING_HEADER, IDENTITY_HEADER } from '@tributary/http-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Dispatcher } from 'undici';
import { errors } from '../errors.ts';
import { Exchange, type ExchangeOutcome } from './exchange.ts';
import { isConnectionDied, isNotConnected, upstreamProblem } from './failures.ts';
import { forwardedHeaders, returnedHeaders } from './headers.ts';
import { isBodyless, readBody, type RequestBody } from './request-body.ts';
import { servicePath } from './service-document.ts';
import { CLIENT_CLOSED_REQUEST, type UpstreamMetrics } from './upstream-metrics.ts';
import { avoid, noteDraining, type Target, type Upstreams } from './upstreams.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who answers, or tried to: for the log. */
    target: Target | null;
  }
}

/**
 * Between two tries at a service that is just being started again. After a connection that died: until then it is known
 * which others died with it.
 */
const RETRY_MS = 100;
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
  /**
   * Signs the identity for this service. Asked whenever the request leaves: its body may take longer to come, and a
   * service longer to start, than a signature is good for.
   */
  readonly sign: () => string;
  /** Said to the tracking service about links that are asked for too often. */
  readonly isOverLimit: boolean;
}

interface Job {
  readonly deps: ProxyDeps;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly service: string;
  readonly sign: () => string;
  readonly options: Omit<Dispatcher.DispatchOptions, 'origin'>;
  /** Those of the options. */
  readonly headers: Record<string, string | string[]>;
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
  const headers = forwardedHeaders(request.headers, {
    requestId: request.id,
    address: request.ip,
    protocol: request.protocol,
    host: request.host,
    isOverLimit: forward.isOverLimit,
  });
  return {
    deps,
    request,
    reply,
    service: forward.service,
    sign: forward.sign,
    headers,
    startedAt: performance.now(),
    wasRetried: false,
    options: {
      path: servicePath(request.raw.url ?? '/'),
      method: request.method,
      body,
      // Undici's time for an answer begins before the body has ended; the client's own pace ends a stream that stands still.
      ...(request.serviceRoute?.streamsBody === true ? { headersTimeout: 0 } : {}),
      headers,
    },
  };
}

function attempt(job: Job): void {
  const { deps, reply } = job;
  const target = deps.upstreams.pick(job.service);
  if (target === undefined) throw new Error(`${job.service} is no upstream`);
  if (target.inFlight + target.waiting >= deps.maxInFlight) {
    const headers = { 'retry-after': '1' };
    reply.send(
      new AppError(errors.GATEWAY_BUSY, `${job.service} has too many requests under way`, { headers }),
    );
    return;
  }
  if (target.drainingUntil !== 0 && isHeldBack(job, target)) {
    tryLater(job, target, RETRY_MS);
    return;
  }
  target.inFlight += 1;
  job.request.target = target;
  const sentAt = performance.now();
  const exchange = new Exchange(reply.raw, {
    onHead(headers) {
      if (DRAINING_HEADER in headers) noteDraining(target, deps.clock().getTime());
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
  job.headers[IDENTITY_HEADER] = job.sign();
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
    const another = deps.upstreams.pick(job.service) !== target;
    if ((isPatient(job) || another) && isBuffered(options.body)) {
      tryLater(job, target, another ? 0 : RETRY_MS);
      return;
    }
  } else if (isConnectionDied(error) && mayBeSentTwice(job) && !job.wasRetried) {
    job.wasRetried = true;
    tryLater(job, target, RETRY_MS);
    return;
  }
  reply.send(upstreamProblem(job.service, error));
}

function isPatient({ deps, startedAt }: Job): boolean {
  return performance.now() - startedAt < deps.patienceMs;
}

/** A request whose fate would be unknown if the service, which is about to end, closed the connection meanwhile. */
function isHeldBack(job: Job, { drainingUntil }: Target): boolean {
  return drainingUntil > job.deps.clock().getTime() && !mayBeSentTwice(job) && isPatient(job);
}

function tryLater(job: Job, target: Target, delayMs: number): void {
  target.waiting += 1;
  setTimeout(() => {
    target.waiting -= 1;
    if (job.reply.raw.destroyed) job.reply.hijack();
    else attempt(job);
  }, delayMs);
}

/** Reads, and writes that their service knows again by their key. */
function mayBeSentTwice({ request, options }: Job): boolean {
  if (SAFE_METHODS.has(options.method)) return true;
  const hasKey = request.serviceRoute?.takesKey === true && 'idempotency-key' in request.headers;
  return hasKey && isBuffered(options.body);
}

/** A stream has been read from and cannot be sent a second time. */
function isBuffered(body: Dispatcher.DispatchOptions['body']): boolean {
  return body === null || body === undefined || Buffer.isBuffer(body);
}

function statusOf(outcome: ExchangeOutcome, service: string): number {
  if (outcome.kind === 'answered') return outcome.status;
  return outcome.kind === 'abandoned'
    ? CLIENT_CLOSED_REQUEST
    : upstreamProblem(service, outcome.error).statusCode;
}
