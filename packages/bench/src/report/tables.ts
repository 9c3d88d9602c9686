import type { Figures, LoadFigures, MeasuredRow, RowSide, ScaleFigures } from './figures.ts';

type Line = readonly string[];

const table = (head: Line, lines: readonly Line[]): string =>
  [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const whole = (value: number): string => Math.round(value).toLocaleString('en-GB');
const figure = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toFixed(2));
const rate = (value: number): string => `${value >= 10 ? whole(value) : figure(value)}/s`;
const day = (takenAt: string): string => takenAt.slice(0, 10);

/** Fewer are a quick look, which the README does not show. */
const FULL_ROUNDS = 3;

/** More is better for speed, less for latency. */
function verdicts({ ratio, goal, latencyRatios, latencyGoals }: RowSide): [string, string, boolean][] {
  const speed: [string, string, boolean][] =
    ratio === undefined || goal === undefined || goal === 0
      ? []
      : [[figure(ratio), figure(goal), ratio >= goal]];
  if (latencyRatios === undefined || latencyGoals === undefined) return speed;
  const latencies = (['p50', 'p99'] as const).map((key): [string, string, boolean] => [
    `${figure(latencyRatios[key])} (${key})`,
    `${figure(latencyGoals[key])} at most`,
    latencyRatios[key] <= latencyGoals[key],
  ]);
  return [...speed, ...latencies];
}

function speedLines({ result, takenAt }: MeasuredRow): Line[] {
  const [ours, ...peers] = result.sides;
  if (ours === undefined) return [];
  let work = result.work;
  const once = (): string => {
    const said = work;
    work = 'the same';
    return said;
  };
  const certainty = result.rounds >= FULL_ROUNDS ? '' : ' (a quick look)';
  return peers.flatMap((peer) =>
    verdicts(peer).map(([ratio, goal, isMet]) => [
      once(),
      peer.name,
      rate(ours.perSecond.median),
      rate(peer.perSecond.median),
      ratio,
      goal,
      isMet ? 'met' : 'missed',
      `${day(takenAt)}${certainty}`,
    ]),
  );
}

/** Every row with what it was held against; rows that nobody measured yet say so. */
export function speedTable({ speed }: Figures, rows: readonly string[]): string {
  const head = ['work', 'beside', 'ours', 'it', 'ours / it', 'goal', '', 'taken'];
  const lines = rows.flatMap((name) => {
    const measured = speed[name];
    return measured === undefined
      ? [[name, '', '', '', '', '', 'not measured yet', '']]
      : speedLines(measured);
  });
  return table(head, lines);
}

/** What was measured in full, for the README: what, beside what, how much. */
export function shortSpeedTable({ speed }: Figures, rows: readonly string[]): string {
  const lines = rows.flatMap((name) => {
    const measured = speed[name];
    if (measured === undefined || measured.result.rounds < FULL_ROUNDS) return [];
    return speedLines(measured).map(([work = '', peer = '', , , ratio = '', goal = '', , taken = '']) => [
      work,
      peer,
      ratio,
      goal,
      taken,
      `\`npm run bench -- --only ${name}\``,
    ]);
  });
  return table(['work', 'beside', 'ours / it', 'goal', 'taken', 'command'], lines);
}

/** CPU of an operation on each side, where it could be told. */
export function cpuTable({ speed }: Figures, rows: readonly string[]): string {
  const lines = rows.flatMap((name) =>
    (speed[name]?.result.sides ?? []).flatMap((side) =>
      side.cpuMicroseconds === undefined
        ? []
        : [[speed[name]?.result.work ?? name, side.name, whole(side.cpuMicroseconds), side.configuration]],
    ),
  );
  return table(['work', 'side', 'CPU, µs', 'configuration'], lines);
}

/** The runs of k6, newest of each kind. */
export function loadTable({ load }: Figures): string {
  const lines = Object.entries(load)
    .filter(([name]) => !name.endsWith('smoke'))
    .map(([name, run]) => {
      const at =
        run.summary.metrics['http_req_duration{phase:plateau}'] ??
        run.summary.metrics['http_req_duration{stage:load}'];
      const ms = (key: string): string => whole(at?.values[key] ?? Number.NaN);
      return [
        name,
        day(run.takenAt),
        `${whole(run.requestsPerSecond)}/s`,
        run.plateauPerSecond === undefined ? '-' : `${whole(run.plateauPerSecond)}/s`,
        ms('p(95)'),
        ms('p(99)'),
        othersCores(run),
        run.missed.length === 0 ? 'all met' : `${run.missed.length} missed`,
        run.faults.length === 0 ? 'balance' : run.faults.join('; '),
      ];
    });
  return table(
    [
      'run',
      'taken',
      'on average',
      'in the plateau',
      'p95, ms',
      'p99, ms',
      'cores busy otherwise',
      'thresholds',
      'books',
    ],
    lines,
  );
}

/** Cores that were busy with something else than the platform and k6, on average: what makes a run say little. */
function othersCores({ samples }: LoadFigures): string {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.seconds === first.seconds) return '-';
  const own = Object.entries(last.cpuSeconds).map(([name, cpu]) => cpu - (first.cpuSeconds[name] ?? 0));
  const all = last.machineCpuSeconds - first.machineCpuSeconds;
  return ((all - own.reduce((sum, cpu) => sum + cpu, 0)) / (last.seconds - first.seconds)).toFixed(1);
}

export function growthTable({ load }: Figures): string {
  const runs = Object.entries(load).filter(([name]) => !name.endsWith('smoke'));
  const names = [...new Set(runs.flatMap(([, { growth }]) => Object.keys(growth)))].sort();
  const lines = names.map((process) => [
    process,
    ...runs.map(([, { growth, samples }]) => {
      const end = samples.at(-1)?.memoryMb[process];
      return end === undefined ? '-' : `${(growth[process] ?? 0).toFixed(2)} (${whole(end)} MB at the end)`;
    }),
  ]);
  return table(['MB a minute', ...runs.map(([name]) => name)], lines);
}

export function scaleTable({ sizes }: ScaleFigures): string {
  const heads = sizes.map(
    ({ clicks, commissions }) => `${whole(clicks)} clicks, ${whole(commissions)} commissions`,
  );
  const names = Object.keys(sizes[0]?.questions ?? {});
  const questions = names.map((name) => [
    `${name}, p50 (p95)`,
    ...sizes.map(({ questions }) => {
      const at = questions[name];
      return at === undefined ? '-' : `${at.p50.toFixed(1)} (${at.p95.toFixed(1)}) ms`;
    }),
  ]);
  const others: [string, (size: ScaleFigures['sizes'][number]) => string][] = [
    ['CSV of all commissions', ({ csv }) => `${whole(csv.perSecond)} rows/s`],
    [
      'memory of operations-service meanwhile',
      ({ csv }) => (csv.memoryMb === null ? '-' : `${whole(csv.memoryMb)} MB`),
    ],
    ['batch confirm', ({ batch }) => `${whole(batch.rows)} at ${whole(batch.perSecond)}/s`],
    [
      'its events sent and in the rollups',
      ({ backlog }) => `${whole(backlog.events)} within ${backlog.seconds.toFixed(1)} s of its end`,
    ],
  ];
  return table(['', ...heads], [...questions, ...others.map(([name, of]) => [name, ...sizes.map(of)])]);
}

export function processTable({ processes }: ScaleFigures): string {
  const lines = Object.entries(processes).map(([name, { readyMs, idleMb }]) => [
    name,
    `${(readyMs / 1_000).toFixed(2)} s`,
    `${whole(idleMb)} MB`,
  ]);
  return table(['process', 'start to ready', 'memory at idle'], lines);
}
