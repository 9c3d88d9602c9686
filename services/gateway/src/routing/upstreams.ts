import { Pool } from 'undici';
import type { Release } from '@tributary/schema';

/** One release of one service, with the connections to it. */
export interface Target {
  readonly service: string;
  readonly release: Release;
  readonly url: string;
  /** Share of the service's requests. */
  weight: number;
  readonly pool: Pool;
  /** Requests under way. */
  inFlight: number;
  /** It refused a connection: until then others of the same service are preferred. Milliseconds of the clock. */
  avoidedUntil: number;
  /** It said that it is about to end: until then nothing is sent that could not be sent twice. */
  drainingUntil: number;
  /** Requests that wait to be sent to it, or to be sent again. */
  waiting: number;
}

/** A row of `routing_weights`. */
export interface RoutingWeight {
  readonly service: string;
  readonly release: Release;
  readonly url: string;
  readonly weight: number;
}

export interface UpstreamSettings {
  readonly connections: number;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
}

export interface Upstreams {
  readonly services: readonly string[];
  /** The target of the next request: by weight, passing over one that has just refused a connection. */
  pick(service: string): Target | undefined;
  /** Whom to ask for the routes of a service: the release that gets most of the traffic. */
  leading(service: string): Target | undefined;
  /** Makes the weights those of the rows; a service without a row goes wholly to the stack's own process. */
  apply(rows: readonly RoutingWeight[]): void;
  close(): Promise<void>;
}

const AVOID_MS = 1_000;

/** Remembers that a target is about to end; for longer than it keeps its port open from then on. */
export function noteDraining(target: Target, now: number): void {
  target.drainingUntil = now + AVOID_MS;
  avoid(target, now);
}

/** Remembers that a target refused a connection. */
export function avoid(target: Target, now: number): void {
  target.avoidedUntil = now + AVOID_MS;
}

function openPool(url: string, settings: UpstreamSettings): Pool {
  return new Pool(url, {
    connections: settings.connections,
    connect: { timeout: settings.connectTimeoutMs, keepAlive: true },
    headersTimeout: settings.headersTimeoutMs,
    bodyTimeout: settings.bodyTimeoutMs,
    // Well under the 65 s after which a service closes an idle connection.
    keepAliveTimeout: 20_000,
  });
}

function chooseByWeight(targets: readonly Target[], random: () => number): Target | undefined {
  const total = targets.reduce((sum, target) => sum + target.weight, 0);
  let point = random() * total;
  return targets.find((target) => (point -= target.weight) < 0) ?? targets.at(-1);
}

function chooseAmong(all: readonly Target[], now: number, random: () => number): Target | undefined {
  const reachable = all.filter((target) => target.avoidedUntil <= now);
  const weighted = reachable.filter((target) => target.weight > 0);
  // With the weighted ones gone, one without a share is still better than no answer.
  return chooseByWeight(weighted, random) ?? reachable[0] ?? all[0];
}

/** Rows of a service completed with the stack's own process, which gets what the candidate does not. */
function releasesOf(service: string, stableUrl: string, rows: readonly RoutingWeight[]): RoutingWeight[] {
  const canary = rows.find((row) => row.service === service && row.release === 'canary');
  const stable = rows.find((row) => row.service === service && row.release === 'stable');
  const own: RoutingWeight = stable ?? {
    service,
    release: 'stable',
    url: stableUrl,
    weight: 100 - (canary?.weight ?? 0),
  };
  return canary === undefined ? [{ ...own, weight: own.weight || 100 }] : [own, canary];
}

/** The services that the gateway knows, and how requests are split between their releases. */
export function createUpstreams(options: {
  readonly stable: ReadonlyMap<string, string>;
  readonly settings: UpstreamSettings;
  readonly clock: () => Date;
  readonly random: () => number;
}): Upstreams {
  const { stable, settings, clock, random } = options;
  const pools = new Map<string, Pool>();
  const targets = new Map<string, readonly Target[]>();

  function poolOf(url: string): Pool {
    const pool = pools.get(url) ?? openPool(url, settings);
    pools.set(url, pool);
    return pool;
  }

  function toTarget(row: RoutingWeight): Target {
    const known = targets
      .get(row.service)
      ?.find((target) => target.release === row.release && target.url === row.url);
    if (known !== undefined) known.weight = row.weight;
    return (
      known ?? { ...row, pool: poolOf(row.url), inFlight: 0, avoidedUntil: 0, drainingUntil: 0, waiting: 0 }
    );
  }

  function closeUnusedPools(): void {
    const used = new Set([...targets.values()].flat().map((target) => target.pool));
    for (const [url, pool] of pools) {
      if (used.has(pool)) continue;
      pools.delete(url);
      // Requests under way end by themselves; close() waits for them.
      pool.close().catch(() => pool.destroy());
    }
  }

  function apply(rows: readonly RoutingWeight[]): void {
    for (const [service, url] of stable) {
      targets.set(service, releasesOf(service, url, rows).map(toTarget));
    }
    closeUnusedPools();
  }

  apply([]);
  return {
    services: [...stable.keys()],
    apply,
    pick(service) {
      const all = targets.get(service) ?? [];
      return all.length === 1 ? all[0] : chooseAmong(all, clock().getTime(), random);
    },
    leading(service) {
      const all = targets.get(service) ?? [];
      return all.reduce<Target | undefined>(
        (best, target) => (best === undefined || target.weight > best.weight ? target : best),
        undefined,
      );
    },
    async close() {
      await Promise.all([...pools.values()].map(async (pool) => pool.close()));
    },
  };
}
