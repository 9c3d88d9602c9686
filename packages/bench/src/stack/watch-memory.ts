import { readdirSync, readFileSync } from 'node:fs';

/** Memory of processes at a moment, in MB, and their CPU so far, in seconds; servers with all their children. */
export interface Sample {
  readonly seconds: number;
  readonly memoryMb: Readonly<Record<string, number>>;
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** Of all cores together, whoever used them. */
  readonly machineCpuSeconds: number;
}

const KB_PER_MB = 1_024;
const CLOCK_TICKS_PER_SECOND = 100;

interface ProcessFacts {
  readonly parent: number;
  readonly cpuSeconds: number;
  readonly ownMb: number;
  readonly sharedMb: number;
}

/** From /proc; undefined where there is none, or no such process. */
function readProcess(pid: number): ProcessFacts | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mb = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / KB_PER_MB;
    return {
      parent: Number(stat[1]),
      cpuSeconds: (Number(stat[11]) + Number(stat[12])) / CLOCK_TICKS_PER_SECOND,
      ownMb: mb('RssAnon'),
      sharedMb: mb('RssFile') + mb('RssShmem'),
    };
  } catch {
    return undefined;
  }
}

function readAll(): Map<number, ProcessFacts> {
  try {
    const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
    return new Map(
      pids.flatMap((pid) => {
        const facts = readProcess(pid);
        return facts === undefined ? [] : [[pid, facts] as const];
      }),
    );
  } catch {
    return new Map();
  }
}

/** A process and whatever descends from it: Postgres is a process a connection. */
function treeOf(pid: number, all: ReadonlyMap<number, ProcessFacts>): ProcessFacts[] {
  const facts = all.get(pid);
  if (facts === undefined) return [];
  const children = [...all].filter(([, { parent }]) => parent === pid);
  return [facts, ...children.flatMap(([child]) => treeOf(child, all))];
}

function machineCpuSeconds(): number {
  try {
    const [, user = 0, nice = 0, system = 0] = readFileSync('/proc/stat', 'utf8').split(/\s+/, 4).map(Number);
    return (user + nice + system) / CLOCK_TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** What named processes take now; those that are gone are left out. What children share is counted once. */
export function sampleProcesses(pids: Readonly<Record<string, number>>, seconds: number): Sample {
  const all = readAll();
  const trees = Object.entries(pids)
    .map(([name, pid]) => ({ name, tree: treeOf(pid, all) }))
    .filter(({ tree }) => tree.length > 0);
  const memory = (tree: readonly ProcessFacts[]): number =>
    sum(tree.map(({ ownMb }) => ownMb)) + Math.max(...tree.map(({ sharedMb }) => sharedMb));
  return {
    seconds,
    memoryMb: Object.fromEntries(trees.map(({ name, tree }) => [name, memory(tree)])),
    cpuSeconds: Object.fromEntries(
      trees.map(({ name, tree }) => [name, sum(tree.map(({ cpuSeconds }) => cpuSeconds))]),
    ),
    machineCpuSeconds: machineCpuSeconds(),
  };
}

/** Samples at once and every few seconds until it is stopped. */
export function watchProcesses(
  pids: Readonly<Record<string, number>>,
  everySeconds: number,
): { readonly samples: readonly Sample[]; stop(): void } {
  const began = performance.now();
  const samples: Sample[] = [];
  const take = (): void => {
    samples.push(sampleProcesses(pids, (performance.now() - began) / 1_000));
  };
  take();
  const timer = setInterval(take, everySeconds * 1_000);
  return {
    samples,
    stop: () => clearInterval(timer),
  };
}

/**
 * MB a minute by which a process grew, by least squares over the later samples: the first third, in which caches fill and code is
 * compiled, says nothing of an hour.
 */
export function growthPerMinute(samples: readonly Sample[], name: string): number {
  const points = samples.flatMap(({ seconds, memoryMb }) => {
    const memory = memoryMb[name];
    return memory === undefined ? [] : [{ x: seconds / 60, y: memory }];
  });
  const later = points.slice(Math.floor(points.length / 3));
  if (later.length === 0) return 0;
  const mean = (of: (point: { x: number; y: number }) => number): number =>
    later.reduce((sum, point) => sum + of(point), 0) / later.length;
  const meanX = mean(({ x }) => x);
  const meanY = mean(({ y }) => y);
  const spread = later.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  if (spread === 0) return 0;
  return later.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
}
