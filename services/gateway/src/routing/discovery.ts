import type { Logger } from '@tributary/runtime';
import type { RouteTable } from './route-table.ts';
import { serviceDocumentSchema } from './service-document.ts';
import type { Upstreams } from './upstreams.ts';

const UNKNOWN_RETRY_MS = 250;
const KNOWN_REREAD_MS = 5_000;
const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024;

export interface RouteDiscovery {
  /** The first time of asking is over: whoever could answer has. */
  readonly first: Promise<void>;
  /** Asks every service once for its routes. Never throws: what could not be had is asked for again. */
  refresh(): Promise<void>;
  stop(): void;
}

/**
 * Learns routes from the services themselves (`/internal/openapi.json`), so that a route is declared once, beside its
 * handler. A service that is away keeps the routes it had.
 */
export function discoverRoutes(deps: {
  readonly upstreams: Upstreams;
  readonly table: RouteTable;
  readonly logger: Logger;
}): RouteDiscovery {
  const { upstreams, table, logger } = deps;
  const seen = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function learn(service: string): Promise<void> {
    const target = upstreams.leading(service);
    if (target === undefined) return;
    const { statusCode, body } = await target.pool.request({
      method: 'GET',
      path: '/internal/openapi.json',
      headersTimeout: 2_000,
      bodyTimeout: 2_000,
    });
    const text = await body.text();
    if (statusCode !== 200 || text.length > MAX_DOCUMENT_BYTES) throw new Error(`it answered ${statusCode}`);
    if (seen.get(service) === text) return;
    table.replace(service, serviceDocumentSchema.parse(JSON.parse(text)));
    seen.set(service, text);
    logger.info({ upstream: service, release: target.release }, 'routes learned');
  }

  async function refresh(): Promise<void> {
    await Promise.all(
      upstreams.services.map(async (service) => {
        try {
          await learn(service);
        } catch (err) {
          const level = table.missing.includes(service) ? 'debug' : 'warn';
          logger[level]({ err, upstream: service }, 'routes could not be learned; asking again');
        }
      }),
    );
  }

  function schedule(): void {
    if (stopped) return;
    const delayMs = table.missing.length > 0 ? UNKNOWN_RETRY_MS : KNOWN_REREAD_MS;
    timer = setTimeout(() => void refresh().then(schedule), delayMs);
  }

  const first = refresh();
  void first.then(schedule);
  return {
    first,
    refresh,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
