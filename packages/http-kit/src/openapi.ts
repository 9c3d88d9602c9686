import type { FastifyInstance, RouteOptions } from 'fastify';
import swagger from '@fastify/swagger';
import { createJsonSchemaTransform } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { namedScope } from './authorization.ts';
import { NO_BODY } from './declarations.ts';
import { AppError, commonErrors } from './errors.ts';
import type { ErrorCatalogue, ErrorSpec } from './errors.ts';
import { EXAMPLE_VALUES } from './example-values.ts';
import { takesKey } from './idempotency.ts';
import { addExamples } from './openapi-examples.ts';
import { toProblem } from './problem.ts';
import type { RouteDeclaration } from './route-config.ts';

export interface OpenApiOptions {
  readonly service: string;
  readonly errors: ErrorCatalogue;
}

/** A JSON document of which only the parts we touch matter. */
type Json = Record<string, unknown>;

interface Content {
  content?: Record<string, Json>;
}

interface Operation {
  operationId?: string;
  parameters?: Json[];
  requestBody?: Content;
  responses: Record<string, Content & Json>;
  security?: readonly Json[];
}

const problemSchema = {
  type: 'object',
  description: 'RFC 9457 problem document',
  required: ['success', 'type', 'title', 'status', 'detail', 'code', 'requestId'],
  properties: {
    success: { type: 'boolean', const: false },
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: { path: { type: 'string' }, message: { type: 'string' } },
      },
    },
    requestId: { type: 'string' },
  },
};

/**
 * Publishes what the routes declare as OpenAPI 3.1 at `/internal/openapi.json`, for the gateway to merge. Every
 * operation carries `x-service`, `x-required-scope`, `x-partner-access` and `x-rate-class`, from which the gateway
 * routes and limits.
 */
export async function publishOpenApi(app: FastifyInstance, options: OpenApiOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: options.service, version: '1' },
      components: {
        schemas: { Problem: problemSchema as never },
        securitySchemes: {
          bearerAuth: { type: 'http', scheme: 'bearer', description: 'Access token or API key' },
        },
      },
    },
    transform: createJsonSchemaTransform({ skipList: [] }),
  });
  const operations = new Map<string, RouteOptions>();
  app.addHook('onRoute', (route) => {
    if (route.config?.operationId !== undefined) operations.set(route.config.operationId, route);
    describeRoute(route, options.service);
  });
  let document: string | undefined;
  app.get(
    '/internal/openapi.json',
    { config: { internal: true }, schema: { hide: true } },
    async (_request, reply) => {
      document ??= JSON.stringify(completed(app.swagger() as unknown as Json, operations, options));
      return reply.type('application/json; charset=utf-8').send(document);
    },
  );
}

/** Tells @fastify/swagger what the route's config says, so that nothing is declared twice. */
function describeRoute(route: RouteOptions, service: string): void {
  const { config } = route;
  if (config?.internal === true) {
    route.schema = { ...route.schema, hide: true };
    return;
  }
  const tag = route.url.split('/').find((part) => part !== '');
  route.schema = {
    ...route.schema,
    ...(config?.operationId === undefined ? {} : { operationId: config.operationId }),
    ...(config?.summary === undefined ? {} : { summary: config.summary }),
    ...(config?.description === undefined ? {} : { description: config.description }),
    tags: [...(config?.tags ?? (tag === undefined ? [] : [tag]))],
    ...extensions(config ?? {}, service),
  };
}

function extensions(config: RouteDeclaration, service: string): Json {
  return {
    'x-service': service,
    'x-required-scope': namedScope(config.scope),
    'x-partner-access': config.partnerAccess ?? 'none',
    'x-rate-class': config.rateClass ?? (config.scope === 'public' ? 'public' : 'caller'),
  };
}

function completed(
  document: Json,
  operations: ReadonlyMap<string, RouteOptions>,
  options: OpenApiOptions,
): Json {
  for (const [path, item] of Object.entries(document['paths'] as Record<string, Json>)) {
    for (const operation of Object.values(item) as Operation[]) {
      const route = operations.get(operation.operationId ?? '');
      if (route === undefined) continue;
      completeOperation(operation, route);
      addExamples(operation, path, route.config);
    }
  }
  const codes = Object.values({ ...commonErrors, ...options.errors });
  (document['components'] as Json)['examples'] = Object.fromEntries(
    codes.map((spec) => [spec.code, problemExample(spec)]),
  );
  document['x-problem-codes'] = Object.fromEntries(
    codes.map(({ code, status, title }) => [code, { status, title }]),
  );
  return document;
}

function completeOperation(operation: Operation, route: RouteOptions): void {
  const { responses } = operation;
  for (const [status, response] of Object.entries(responses)) describeContent(status, response, route);
  for (const [status, specs] of Object.entries(
    Object.groupBy(problemsOf(route), (spec) => String(spec.status)),
  )) {
    const problem = problemResponse(specs ?? []);
    const own = responses[status];
    // Who asks for a page may get one where others get the problem.
    responses[status] =
      own === undefined ? problem : { ...own, content: { ...own.content, ...problem.content } };
  }
  const body = route.schema?.body;
  if (body === NO_BODY) delete operation.requestBody;
  // @fastify/swagger takes every body for one that has to be sent.
  else if (body instanceof z.ZodNullable || body instanceof z.ZodOptional)
    Object.assign(operation.requestBody ?? {}, { required: !body.safeParse(undefined).success });
  if (route.config?.scope !== 'public') operation.security = [{ bearerAuth: [] }];
  if (acceptsKey(route)) operation.parameters = [...(operation.parameters ?? []), idempotencyKeyParameter];
}

function problemExample(spec: ErrorSpec): Json {
  const problem = toProblem(new AppError(spec, spec.title), String(EXAMPLE_VALUES['requestId']));
  return { summary: spec.title, value: problem };
}

/** The schemas are taken for JSON, which some answers are not; a redirect has no body but `location`. */
function describeContent(status: string, response: Content & Json, { config }: RouteOptions): void {
  const type = config?.contentTypes?.[Number(status)];
  const [media] = Object.values(response.content ?? {});
  if (media !== undefined && type !== undefined) response.content = { [type]: media };
  if (!status.startsWith('3')) return;
  delete response.content;
  response['headers'] = { location: { required: true, schema: { type: 'string', format: 'uri' } } };
}

const idempotencyKeyParameter: Json = {
  in: 'header',
  name: 'Idempotency-Key',
  required: false,
  description: 'Makes repeating the request safe for 24 hours: the first answer is replayed.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

function acceptsKey({ method, config }: RouteOptions): boolean {
  return takesKey(String(method)) && config?.idempotency !== false && config?.scope !== 'public';
}

/** Every problem that an operation may answer: those it names and those its declaration implies. */
function problemsOf(route: RouteOptions): readonly ErrorSpec[] {
  const { config = {}, schema = {} } = route;
  const common = commonErrors;
  const always = [common.VALIDATION_ERROR, common.UNAUTHENTICATED, common.RATE_LIMITED];
  const ending = [common.INTERNAL_ERROR, common.SERVICE_UNAVAILABLE];
  const scoped = config.scope === 'public' || config.scope === 'authenticated' ? [] : [common.FORBIDDEN];
  const unknown = schema.params === undefined ? [] : [common.ROUTE_NOT_FOUND];
  const writes = takesKey(String(route.method))
    ? [common.CONFLICT, common.CONCURRENT_CHANGE, common.BODY_TOO_LARGE, common.UNSUPPORTED_MEDIA_TYPE]
    : [];
  const keyed = acceptsKey(route) ? [common.IDEMPOTENCY_IN_PROGRESS, common.IDEMPOTENCY_KEY_REUSED] : [];
  return [...always, ...scoped, ...unknown, ...writes, ...keyed, ...(config.errors ?? []), ...ending];
}

function problemResponse(specs: readonly ErrorSpec[]): Content & Json {
  const codes = [...new Set(specs.map(({ code }) => code))];
  return {
    description: specs.map(({ title }) => title).join('; '),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            { $ref: '#/components/schemas/Problem' },
            { type: 'object', properties: { code: { enum: codes } } },
          ],
        },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}
