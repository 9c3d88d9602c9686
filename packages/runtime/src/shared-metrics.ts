import type { Counter, Gauge, Histogram } from '@prometheus-io/client';
import type { Metrics } from './metrics.ts';

/** Metrics that several services write, each with the one name, help and labels that dashboards and alerts rely on. */
export interface CommissionMetrics {
  readonly created: Counter<'status' | 'policy_type'>;
  /** Observe the amount of an earning, or of a bonus (policy_type `none`), in its currency's main unit. */
  readonly amount: Histogram<'policy_type'>;
  readonly transitions: Counter<'action' | 'outcome'>;
}

export function commissionMetrics(metrics: Metrics): CommissionMetrics {
  return {
    created: metrics.counter({
      name: 'commissions_created_total',
      help: 'Commissions created',
      labels: ['status', 'policy_type'],
    }),
    amount: metrics.histogram({
      name: 'commission_amount_dollars',
      help: 'Amounts of created commissions',
      labels: ['policy_type'],
      buckets: [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000],
    }),
    transitions: metrics.counter({
      name: 'commission_transitions_total',
      help: 'Changes of existing commissions, done or refused',
      labels: ['action', 'outcome'],
    }),
  };
}

export interface CacheMetrics {
  hit(): void;
  miss(): void;
}

interface CacheSeries {
  readonly requests: Counter<'cache' | 'outcome'>;
  readonly hitRate: Gauge<'cache'>;
}

/** Counts look-ups of one cache; `cache_hit_rate` is the share of hits since the process started. */
export function cacheMetrics(metrics: Metrics, cache: string): CacheMetrics {
  const { requests, hitRate } = cacheSeries(metrics);
  const hits = requests.labels({ cache, outcome: 'hit' });
  const misses = requests.labels({ cache, outcome: 'miss' });
  const rate = hitRate.labels({ cache });
  let hitCount = 0;
  let lookUps = 0;
  return {
    hit: () => {
      hits.inc();
      hitCount += 1;
      lookUps += 1;
      rate.set(hitCount / lookUps);
    },
    miss: () => {
      misses.inc();
      lookUps += 1;
      rate.set(hitCount / lookUps);
    },
  };
}

function cacheSeries(metrics: Metrics): CacheSeries {
  return {
    requests: metrics.counter({
      name: 'cache_requests_total',
      help: 'Look-ups in a cache',
      labels: ['cache', 'outcome'],
    }),
    hitRate: metrics.gauge({
      name: 'cache_hit_rate',
      help: 'Share of look-ups that were hits',
      labels: ['cache'],
    }),
  };
}
