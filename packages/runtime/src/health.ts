import { setTimeout as pause } from 'node:timers/promises';

import type { Logger } from './logger.ts';

export type HealthStatus = 'ok' | 'degraded' | 'unavailable';

export interface CheckResult {
  readonly status: 'up' | 'down';
  readonly durationMs: number;
  /** Set when down: `timeout` or `failed`. The reason itself goes to the log, not to whoever asks. */
  readonly reason?: 'timeout' | 'failed';
}

export interface HealthReport {
  readonly status: HealthStatus;
  readonly checks: Readonly<Record<string, CheckResult>>;
}

export interface HealthCheck {
  /** Resolves when the dependency answers; anything thrown means it is down. */
  readonly check: () => Promise<unknown>;
  /** Without it the process cannot serve. By rule only Postgres is. */
  readonly required?: boolean;
}

export interface Health {
  /** Asks every dependency at once; concurrent callers share one round. */
  readiness(): Promise<HealthReport>;
  /**
   * From now on `unavailable`, so that no new traffic is sent here; resolves once those who ask have had time to see
   * it. First phase of a shutdown: until it is over the port stays open, since a connection that is closed while a
   * request comes in leaves its sender not knowing whether the request was carried out.
   */
  drain(): Promise<void>;
  readonly isDraining: boolean;
}

export interface HealthOptions {
  readonly checks: Readonly<Record<string, HealthCheck>>;
  readonly logger?: Logger;
  readonly timeoutMs?: number;
  /** How long `drain` takes. */
  readonly drainMs?: number;
}

/** Several requests of any busy caller, whose answers tell it; well under the second that a shutdown gives it. */
const DRAIN_MS = 300;

/**
 * Readiness of a process: `unavailable` when a required dependency is down, `degraded` when another is (still 200:
 * taking a service out of rotation because NATS is away would turn a delay into an outage).
 */
export function createHealth({
  checks,
  logger,
  timeoutMs = 1_000,
  drainMs = DRAIN_MS,
}: HealthOptions): Health {
  let draining = false;
  let round: Promise<HealthReport> | undefined;

  const ask = async (): Promise<HealthReport> => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, { check }]) => {
        const result = await runCheck(check, timeoutMs, (err) =>
          logger?.warn({ err, check: name }, 'check failed'),
        );
        return [name, result] as const;
      }),
    );
    return { status: overall(checks, results), checks: Object.fromEntries(results) };
  };

  return {
    async readiness() {
      round ??= ask().finally(() => {
        round = undefined;
      });
      const report = await round;
      return draining ? { ...report, status: 'unavailable' } : report;
    },
    async drain() {
      draining = true;
      await pause(drainMs);
    },
    get isDraining() {
      return draining;
    },
  };
}

function overall(
  checks: HealthOptions['checks'],
  results: readonly (readonly [string, CheckResult])[],
): HealthStatus {
  const down = results.filter(([, result]) => result.status === 'down').map(([name]) => name);
  if (down.length === 0) return 'ok';
  return down.some((name) => checks[name]?.required === true) ? 'unavailable' : 'degraded';
}

async function runCheck(
  check: HealthCheck['check'],
  timeoutMs: number,
  onFailure: (error: unknown) => void,
): Promise<CheckResult> {
  const startedAt = performance.now();
  const elapsed = () => Math.round(performance.now() - startedAt);
  const timeout = Promise.withResolvers<'timeout'>();
  const timer = setTimeout(() => timeout.resolve('timeout'), timeoutMs);
  try {
    const outcome = await Promise.race([check().then(() => 'up' as const), timeout.promise]);
    if (outcome === 'up') return { status: 'up', durationMs: elapsed() };
    return { status: 'down', durationMs: elapsed(), reason: 'timeout' };
  } catch (error) {
    onFailure(error);
    return { status: 'down', durationMs: elapsed(), reason: 'failed' };
  } finally {
    clearTimeout(timer);
  }
}
