export {
  ConfigError,
  describeConfig,
  integerSetting,
  listSetting,
  loadConfig,
  processSettings,
  secret,
  setting,
} from './config.ts';
export { createHealth } from './health.ts';
export type {
  CheckResult,
  Health,
  HealthCheck,
  HealthOptions,
  HealthReport,
  HealthStatus,
} from './health.ts';
export { newId, systemClock } from './ids.ts';
export type { Clock } from './ids.ts';
export { createLease } from './lease.ts';
export type { HeldLease, Lease, LeaseOptions } from './lease.ts';
export { runWithLease } from './leased-loop.ts';
export type { LeasedLoop, LeasedWork } from './leased-loop.ts';
export { createLogger } from './logger.ts';
export type { Logger, LoggerOptions } from './logger.ts';
export { createMetrics, DURATION_BUCKETS } from './metrics.ts';
export type { GaugeDefinition, HistogramDefinition, MetricDefinition, Metrics } from './metrics.ts';
export { startProcess } from './process.ts';
export type { BuiltProcess, ProcessContext, ProcessOptions } from './process.ts';
export { releasedWorkers } from './released-workers.ts';
export type { ReleasedWorkers, ReleasedWorkersOptions, StoppableWorkers } from './released-workers.ts';
export { redact, redactText, REDACTED } from './redaction.ts';
export { cacheMetrics, commissionMetrics } from './shared-metrics.ts';
export type { CacheMetrics, CommissionMetrics } from './shared-metrics.ts';
export { createShutdown } from './shutdown.ts';
export type { Shutdown, ShutdownPhase } from './shutdown.ts';
