import type { Tracing, TracingOptions } from './types.ts';

export type { TraceSpan, Tracing, TracingOptions } from './types.ts';

let active: Tracing | undefined;

/** The tracing of this process, if there is any. Asked once where something is built, not for every request. */
export const activeTracing = (): Tracing | undefined => active;

/** Starts to trace, before anything is built that asks for `activeTracing`. */
export async function startTracing(options: TracingOptions): Promise<Tracing | undefined> {
  const { endpoint } = options;
  if (endpoint === undefined) return undefined;
  const { createTracing } = await import('./open-telemetry.ts');
  active = createTracing({ ...options, endpoint });
  return active;
}
