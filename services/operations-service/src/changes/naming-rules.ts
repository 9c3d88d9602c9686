import { fieldOf, RequestInvalidError, type FieldError } from '@tributary/http-kit';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';

const isObject = (sent: unknown): sent is object => typeof sent === 'object' && sent !== null;

/** A request that its schema refuses. */
export interface Refused {
  readonly request: FastifyRequest;
  /** The fields that the schema found wrong or missing. */
  readonly wrong: ReadonlySet<string>;
}

/**
 * The error handler of a route whose body, or query, has to keep rules that its schema cannot express. The handler asks them of a body that
 * the schema lets through; this asks them of what is right in one that it refuses. So a client hears of every wrong field at
 * once, rather than of those against the rules when it has mended the others.
 * @param fields those that the rules look at, or all; each may be missing
 * @param rules what is wrong with fields that are each well-formed; those that are not are left out
 */
export function namingRules<Fields extends z.ZodObject>(
  fields: Fields,
  rules: (given: z.output<Fields>, refused: Refused) => Promise<readonly FieldError[]>,
  part: 'body' | 'querystring' = 'body',
) {
  async function alsoNamed(error: unknown, request: FastifyRequest): Promise<unknown> {
    if (!(error instanceof RequestInvalidError) || error.validationContext !== part) return error;
    const wrong = new Set(error.errors.map(({ path }) => fieldOf(path)));
    const sent = part === 'body' ? request.body : request.query;
    const right = Object.entries(isObject(sent) ? sent : {}).filter(([key]) => !wrong.has(key));
    const given = fields.safeParse(Object.fromEntries(right));
    if (given.success) error.alsoName(await rules(given.data, { request, wrong }));
    return error;
  }
  // What a route's own handler sends on goes to the handler of all routes.
  return (thrown: unknown, request: FastifyRequest, reply: { send(answer: unknown): unknown }): void => {
    const passOn = (failure: unknown): void => void reply.send(failure);
    void alsoNamed(thrown, request).then(passOn, passOn);
  };
}
