import type { FastifyInstance, FastifyRequest } from 'fastify';

/** How long bodies may take. */
export interface BodyLimits {
  /** From its head to the end of its body. */
  readonly wholeMs: number;
  /** Bodies of any size, which have no end to be awaited: how long they may stand still. */
  readonly standstillMs: number;
  /** Whether a body is of any size; asked when it has taken a while. */
  readonly isStream: (request: FastifyRequest) => boolean;
}

interface Receiving {
  readonly request: FastifyRequest;
  readonly since: number;
  bytes: number;
  movedAt: number;
}

/** At most; looked at more often where the limits are shorter. */
const LOOK_EVERY_MS = 2_000;
/** A client that sends less than this in all the time of a standstill drips. */
const LEAST_BYTES = 1_024;

/**
 * Ends requests whose bodies do not come, as Node's own `requestTimeout` does (which is switched off for it: one limit for all
 * routes would end every upload that takes longer).
 */
export function limitBodies(app: FastifyInstance, limits: BodyLimits): void {
  const receiving = new Set<Receiving>();
  app.server.requestTimeout = 0;
  app.addHook('onRequest', (request, _reply, done) => {
    const { raw } = request;
    if (raw.headers['content-length'] !== undefined || raw.headers['transfer-encoding'] !== undefined) {
      const now = performance.now();
      const one = { request, since: now, bytes: raw.socket.bytesRead, movedAt: now };
      receiving.add(one);
      raw.once('close', () => receiving.delete(one));
    }
    done();
  });
  const timer = setInterval(
    () => {
      const now = performance.now();
      for (const one of receiving) if (isOverdue(one, now, limits)) end(app, one.request);
    },
    Math.min(LOOK_EVERY_MS, limits.wholeMs, limits.standstillMs),
  ).unref();
  app.addHook('onClose', (_app, done) => {
    clearInterval(timer);
    done();
  });
}

/** Where nothing is received, as of a request that was injected, `complete` is undefined. */
function isUnderWay({ complete }: { readonly complete?: boolean }): boolean {
  return complete === false;
}

function isOverdue(one: Receiving, now: number, limits: BodyLimits): boolean {
  if (!isUnderWay(one.request.raw)) return false;
  if (!limits.isStream(one.request)) return now - one.since > limits.wholeMs;
  const { bytesRead } = one.request.raw.socket;
  if (bytesRead - one.bytes >= LEAST_BYTES) {
    one.bytes = bytesRead;
    one.movedAt = now;
  }
  return now - one.movedAt > limits.standstillMs;
}

/** As Node ends it: whoever answers what is not a request answers this. */
function end(app: FastifyInstance, { raw }: FastifyRequest): void {
  const error = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
  app.server.emit('clientError', error, raw.socket);
}
