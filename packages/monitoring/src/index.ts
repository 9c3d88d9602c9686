export { prometheusConfig } from './configure.ts';
export { DASHBOARDS, dashboardQueries } from './dashboards/index.ts';
export { type ExposedMetric, parseExposition, type Series } from './exposition.ts';
export { faultsOf, type Question, questionsOf } from './expression.ts';
export { type MetricDeclaration, METRICS, SCRAPED_SERVICES } from './metrics.ts';
export { findProgram } from './programs.ts';
export { type Alert, readAlerts, readLimits } from './rules.ts';
