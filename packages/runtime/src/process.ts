import { startTracing } from '@tributary/tracing';
import type { z } from 'zod';
import { ConfigError, describeConfig, loadConfig } from './config.ts';
import type { processSettings } from './config.ts';
import { createLogger } from './logger.ts';
import type { Logger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import { settleMemorySoon } from './settle-memory.ts';
import { createShutdown } from './shutdown.ts';
import type { ShutdownPhase } from './shutdown.ts';

type ProcessSchema = z.ZodObject<typeof processSettings>;

export interface ProcessContext<Config> {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** What a service hands back once it is built. */
export interface BuiltProcess {
  /** A Fastify app, or anything that listens alike. */
  readonly app: { listen(options: { port: number; host: string }): Promise<string> };
  /** Started once the port answers: consumers, jobs, sweepers. */
  readonly onListening?: () => unknown;
  /** In order, the first first: stop taking traffic, drain requests, stop workers, flush, close connections. */
  readonly phases: readonly ShutdownPhase[];
}

export interface ProcessOptions<Schema extends ProcessSchema> {
  readonly service: string;
  readonly schema: Schema;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly build: (
    context: ProcessContext<Readonly<z.output<Schema>>>,
  ) => BuiltProcess | Promise<BuiltProcess>;
}

/**
 * The life of a service's process: configuration (or its faults on standard error and exit 2), one masked boot line,
 * build, listen, workers, signals. An uncaught exception is logged and ends the process with 1, since its state is
 * unknown; supervision starts it anew.
 */
export async function startProcess<Schema extends ProcessSchema>(
  options: ProcessOptions<Schema>,
): Promise<void> {
  const { service, schema, env, build } = options;
  const config = configOrExit(schema, env);
  const logger = createLogger({ service, level: config.LOG_LEVEL });
  exitOnUncaught(logger);
  logger.info(`configuration: ${describeConfig(schema, config)}`);
  try {
    const tracing = await startTracing({
      service,
      release: config.RELEASE,
      endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
      share: config.OTEL_TRACES_SAMPLER_ARG,
    });
    const built = await build({ config, logger, metrics: createMetrics({ service }) });
    const phases =
      tracing === undefined
        ? built.phases
        : [...built.phases, { name: 'send traces', timeoutMs: 3_000, run: () => tracing.stop() }];
    createShutdown({ logger, phases }).onSignals();
    const address = await built.app.listen({ port: config.PORT, host: config.HOST });
    await built.onListening?.();
    settleMemorySoon();
    logger.info({ address, release: config.RELEASE, startedInMs: Math.round(performance.now()) }, 'ready');
  } catch (err) {
    logger.fatal({ err }, 'could not start');
    process.exit(1);
  }
}

function configOrExit<Schema extends ProcessSchema>(
  schema: Schema,
  env: ProcessOptions<Schema>['env'],
): Readonly<z.output<Schema>> {
  try {
    return loadConfig(schema, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return process.exit(2);
  }
}

function exitOnUncaught(logger: Logger): void {
  const leave = (err: unknown, origin: string) => {
    logger.fatal({ err, origin }, 'uncaught exception');
    process.exit(1);
  };
  process.on('uncaughtException', leave);
  process.on('unhandledRejection', (reason) => leave(reason, 'unhandledRejection'));
}
