import type { ErrorSpec } from './errors.ts';
import type { Identity } from './identity.ts';
import type { IdempotencyContext } from './idempotency-context.ts';
import type { Scope } from './scopes.ts';

/** Which of the gateway's rate limits counts a request; by default the one of the caller. */
export type RateClass = 'caller' | 'public' | 'login' | 'none';

/** What every route declares beside its schemas. Checked when the app starts. */
export interface RouteDeclaration {
  /** Stable name of the operation: logs, metrics, OpenAPI and the generated client share it. */
  readonly operationId?: string;
  /** One line for the documentation. */
  readonly summary?: string;
  readonly description?: string;
  /** Group in the documentation; the first segment of the path by default. */
  readonly tags?: readonly string[];
  /**
   * A scope, or `authenticated` (any user or key), or `public`. Every one needs an identity signed by the gateway. Several are
   * of a route where the body says which is needed: any of them opens it, and the handler asks for the one (`assertAllowed`).
   */
  readonly scope?: Scope | readonly [Scope, Scope, ...Scope[]] | 'public' | 'authenticated';
  /**
   * `own`: a partner's users and keys may call it, and the handler narrows to `ownPartnerOnly(identity)`.
   * `none` (the default wherever a scope is asked): they get 403.
   */
  readonly partnerAccess?: 'own' | 'none';
  readonly rateClass?: RateClass;
  /** By status, what an answer is where it is not JSON: `{ 200: 'text/csv' }`. */
  readonly contentTypes?: Readonly<Record<number, string>>;
  /** What may be sent, where the least that is valid, which the document shows by itself, says too little. */
  readonly bodyExamples?: readonly object[];
  /** By media type, an example of a body that is not JSON. */
  readonly textExamples?: Readonly<Record<string, string>>;
  /** The codes it answers besides the common ones. */
  readonly errors?: readonly ErrorSpec[];
  /** False for what answers secrets or is idempotent by natural keys: `Idempotency-Key` is then ignored. */
  readonly idempotency?: boolean;
  /**
   * Its body is a stream of any size: limited in how long it stands still rather than in how long it takes. The handler has to
   * hash it as it passes and hand the hash to `noteBodyHash` before the effect.
   */
  readonly streamsBody?: boolean;
  /** Nothing in its query is an error, not even text that Postgres cannot store: the handler has to see to that. */
  readonly anyQuery?: boolean;
  /** Not counted in the metrics of requests: probes and scrapes would be most of them. */
  readonly disableMetrics?: boolean;
  /** Served by the app itself (health, metrics): no identity, not in the OpenAPI document. */
  readonly internal?: boolean;
}

declare module 'fastify' {
  interface FastifyContextConfig extends RouteDeclaration {}
  interface FastifyRequest {
    /** Who is calling. Set before the handler of every route of a service that is not internal. */
    identity: Identity;
    /** Code of the problem that was answered. */
    problemCode: string | null;
    /** Set while a request with an `Idempotency-Key` is handled: what the statement of the effect has to store. */
    idempotency: IdempotencyContext | null;
    /** The JSON text of the body. */
    bodyText: string;
  }
}
