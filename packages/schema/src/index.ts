export { connect } from './connect.ts';
export type { ConnectOptions, Database, QueryParam } from './connect.ts';
export { constraintName, DatabaseUnavailableError, sqlState } from './errors.ts';
export { migrate } from './migrate.ts';
export { dropExpiredOutbox, ensurePartitions } from './partitions.ts';
export { SERVICE_ROLE } from './service-role.ts';
export * from './constants.ts';
export { CURRENCIES, currencyDecimals, CurrencyError, isCurrency } from './currencies.ts';
export type { CurrencyDecimals } from './currencies.ts';
