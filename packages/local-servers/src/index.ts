export { ensureServerBinaries, type ServerBinaries } from './binaries.ts';
export { ServerStartError, type StartFailure } from './failures.ts';
export { startNats, type StartNatsOptions } from './nats.ts';
export { freePort, isPortFree } from './ports.ts';
export { startPostgres, type StartPostgresOptions } from './postgres.ts';
export { startRedis, type StartRedisOptions } from './redis.ts';
export type { ServerExit, ServerHandle } from './server-process.ts';
