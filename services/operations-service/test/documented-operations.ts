import type { ServiceApp } from '@tributary/http-kit';

export const NOBODY = '01890000-0000-7000-8000-000000000000';

/** Codes that every route of a kind may answer, whatever it does: `generic-errors.test.ts` provokes them on each. */
export const GENERIC: ReadonlySet<string> = new Set([
  'CONCURRENT_CHANGE',
  'CONFLICT',
  'IDEMPOTENCY_IN_PROGRESS',
  'IDEMPOTENCY_KEY_REUSED',
  'INTERNAL_ERROR',
  'ROUTE_NOT_FOUND',
  'SERVICE_UNAVAILABLE',
]);

/** The gateway answers these in front of the service, and has their tests. */
export const OF_THE_GATEWAY: ReadonlySet<string> = new Set(['RATE_LIMITED']);

export interface DocumentedOperation {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly url: string;
  /** The codes that the document names for it. */
  readonly documented: ReadonlySet<string>;
}

/** What the service's own document says of each operation, by its id. */
export async function documentedOperations(app: ServiceApp): Promise<Map<string, DocumentedOperation>> {
  const document = (await app.inject('/internal/openapi.json')).json();
  const operations = new Map<string, DocumentedOperation>();
  for (const [url, item] of Object.entries<Record<string, Record<string, unknown>>>(document.paths)) {
    for (const [method, { operationId, responses }] of Object.entries(item)) {
      const words = JSON.stringify(responses).match(/\b[A-Z_]+\b/g) ?? [];
      const documented = new Set(words.filter((word) => word in document['x-problem-codes']));
      const verb = method.toUpperCase() as DocumentedOperation['method'];
      operations.set(String(operationId), { method: verb, url, documented });
    }
  }
  return operations;
}

export const urlOf = (url: string, id: string): string =>
  url.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    if (name.endsWith('ype')) return 'commission';
    return name === 'name' ? 'purge-expired' : id;
  });

/** Which operation answered which codes of problems. */
export class SeenCodes {
  readonly #seen = new Map<string, Set<string>>();
  answers = 0;

  see(operationId: string, body: unknown): void {
    this.answers += 1;
    const { code } = (body ?? {}) as { code?: string };
    if (code !== undefined) this.#seen.set(operationId, this.of(operationId).add(code));
  }

  of(operationId: string): Set<string> {
    return this.#seen.get(operationId) ?? new Set();
  }
}
