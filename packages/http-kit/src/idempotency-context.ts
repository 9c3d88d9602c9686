/**
 * The row of `idempotency_keys` that the statement of the effect inserts, together with the answer
 * (`{ success: true, data }`). Its unique key makes the second of two racing requests fail and replay.
 */
export interface IdempotencyContext {
  readonly principal: string;
  readonly method: string;
  readonly path: string;
  readonly key: string;
  /** HMAC-SHA256 of the body, hex; of a stream its SHA-256. */
  readonly bodyHash: string;
  /** Status to be replayed: that of the route's success. */
  readonly status: number;
}
