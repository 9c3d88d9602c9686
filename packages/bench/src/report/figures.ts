import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

const machineSchema = z.object({ cores: z.number(), model: z.string(), node: z.string() });
const taken = { takenAt: z.iso.datetime(), machine: machineSchema };
const latencySchema = z.object({ p50: z.number(), p99: z.number() });

const sideSchema = z.object({
  name: z.string(),
  configuration: z.string(),
  perSecond: z.object({ median: z.number(), min: z.number(), max: z.number() }),
  cpuMicroseconds: z.number().optional(),
  ratio: z.number().optional(),
  goal: z.number().optional(),
  latencyMs: latencySchema.optional(),
  latencyRatios: latencySchema.optional(),
  latencyGoals: latencySchema.optional(),
});

const rowSchema = z.object({
  row: z.string(),
  work: z.string(),
  rounds: z.number(),
  sides: z.array(sideSchema).min(1),
});

const metricSchema = z.object({ values: z.record(z.string(), z.number()) });

const loadSchema = z.object({
  ...taken,
  script: z.string(),
  profile: z.string(),
  requestsPerSecond: z.number(),
  plateauPerSecond: z.number().optional(),
  summary: z.object({
    metrics: z.record(z.string(), metricSchema),
    state: z.object({ testRunDurationMs: z.number() }),
  }),
  missed: z.array(z.string()),
  faults: z.array(z.string()),
  samples: z.array(
    z.object({
      seconds: z.number(),
      memoryMb: z.record(z.string(), z.number()),
      cpuSeconds: z.record(z.string(), z.number()),
      machineCpuSeconds: z.number(),
    }),
  ),
  growth: z.record(z.string(), z.number()),
});

const scaleSchema = z.object({
  ...taken,
  processes: z.record(z.string(), z.object({ readyMs: z.number(), idleMb: z.number() })),
  sizes: z.array(
    z.object({
      clicks: z.number(),
      commissions: z.number(),
      questions: z.record(z.string(), z.object({ p50: z.number(), p95: z.number() })),
      csv: z.object({ rows: z.number(), perSecond: z.number(), memoryMb: z.number().nullable() }),
      batch: z.object({ rows: z.number(), perSecond: z.number() }),
      backlog: z.object({ events: z.number(), seconds: z.number() }),
    }),
  ),
});

const measuredRowSchema = z.object({ ...taken, result: rowSchema });

/** What the report shows: of each row, script and kind the result to be shown. Kept in docs/figures.json. */
export const figuresSchema = z.object({
  speed: z.record(z.string(), measuredRowSchema),
  load: z.record(z.string(), loadSchema),
  scale: scaleSchema.optional(),
});

export type Figures = z.output<typeof figuresSchema>;
export type MeasuredRow = z.output<typeof measuredRowSchema>;
export type RowSide = z.output<typeof sideSchema>;
export type LoadFigures = z.output<typeof loadSchema>;
export type ScaleFigures = z.output<typeof scaleSchema>;

const benchSchema = z.object({ ...taken, results: z.array(rowSchema) });

function readAll<Schema extends z.ZodType>(folder: string, schema: Schema): z.output<Schema>[] {
  const names = listJson(folder);
  return names.flatMap((name) => {
    const parsed = schema.safeParse(JSON.parse(readFileSync(join(folder, name), 'utf8')));
    return parsed.success ? [parsed.data] : [];
  });
}

function listJson(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort();
  } catch {
    return [];
  }
}

/** Adds what lies in the folders of results to what is shown already: the newer wins, but a quick look never replaces a full measurement. */
export function collectFigures(shown: Figures, results: string): Figures {
  const speed = { ...shown.speed };
  for (const { results: rows, ...when } of readAll(join(results, 'bench'), benchSchema)) {
    for (const result of rows) {
      const before = speed[result.row];
      const isBetter =
        before === undefined ||
        result.rounds > before.result.rounds ||
        (result.rounds === before.result.rounds && when.takenAt > before.takenAt);
      if (isBetter) speed[result.row] = { ...when, result };
    }
  }
  const load = { ...shown.load };
  for (const run of readAll(join(results, 'load'), loadSchema)) {
    const name = `${run.script} ${run.profile}`;
    const before = load[name];
    if (before === undefined || run.takenAt > before.takenAt) load[name] = thinned(run);
  }
  const newest = readAll(join(results, 'scale'), scaleSchema).at(-1);
  const scale = newest !== undefined && newest.takenAt > (shown.scale?.takenAt ?? '') ? newest : shown.scale;
  return { speed, load, ...(scale === undefined ? {} : { scale }) };
}

const POINTS = 90;

/** A curve needs no more than these points; nor is more to be kept with the sources. */
function thinned(run: LoadFigures): LoadFigures {
  const step = Math.max(1, Math.ceil(run.samples.length / POINTS));
  const shown = Object.entries(run.summary.metrics).filter(([name]) =>
    /^http_req_duration\{|^http_reqs/.test(name),
  );
  return {
    ...run,
    samples: run.samples.filter((_, index) => index % step === 0).map(rounded),
    summary: { ...run.summary, metrics: Object.fromEntries(shown) },
  };
}

function rounded(sample: LoadFigures['samples'][number]): LoadFigures['samples'][number] {
  const tenths = (values: Record<string, number>): Record<string, number> =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Math.round(value * 10) / 10]));
  return {
    seconds: Math.round(sample.seconds),
    memoryMb: tenths(sample.memoryMb),
    cpuSeconds: tenths(sample.cpuSeconds),
    machineCpuSeconds: Math.round(sample.machineCpuSeconds),
  };
}
