/** One side of a comparison, measured once. */
export interface Measurement {
  perSecond: number;
  /** CPU of the side's own processes per operation, in microseconds; undefined where it cannot be told. */
  cpuMicroseconds?: number;
  /** For work that is offered at a rate: how long each piece took. */
  latencyMs?: Latency;
}

/** Percentiles, in milliseconds. */
export interface Latency {
  p50: number;
  p99: number;
}

/** One way of doing the same work. */
export interface Side {
  name: string;
  /** How it is configured, in a few words: who reads the figure must be able to judge whether it is fair. */
  configuration: string;
  measure(seconds: number): Promise<Measurement>;
}

/** A line of the table: ours against limits and peers, taken in turns in the same run. */
export interface Row {
  name: string;
  work: string;
  ours: Side;
  /** `goal`: what ours divided by the peer should reach. `latencyGoals`: what ours should be of the peer's at most. */
  peers: { side: Side; goal: number; latencyGoals?: Latency }[];
  /** What ours should stay under, whatever its peers do. */
  latencyLimitMs?: Partial<Latency>;
  close(): Promise<void>;
}

export interface RowDeclaration {
  name: string;
  open(context: RowContext): Promise<Row>;
}

export interface RowContext {
  /** A private folder that is removed afterwards. */
  folder: string;
  root: string;
  /** A small measurement was asked for. */
  quick?: boolean;
  /** Where a filled database is kept from run to run, if not where it usually is. */
  data?: string | undefined;
  log: (line: string) => void;
}

export interface SideResult {
  name: string;
  configuration: string;
  perSecond: { median: number; min: number; max: number };
  cpuMicroseconds?: number;
  /** Ours divided by this side, median of the rounds' own ratios. */
  ratio?: number;
  goal?: number;
  latencyMs?: Latency;
  /** Ours divided by this side's, median of the rounds' own ratios: less is better. */
  latencyRatios?: Latency;
  latencyGoals?: Latency;
  latencyLimitMs?: Partial<Latency>;
}

export interface RowResult {
  row: string;
  work: string;
  rounds: number;
  sides: SideResult[];
}

/** Measures all sides in turns, so that what the machine does meanwhile falls on all alike. */
export async function measureRow(row: Row, options: { rounds: number; seconds: number }): Promise<RowResult> {
  const sides = [row.ours, ...row.peers.map(({ side }) => side)];
  const taken = new Map<Side, Measurement[]>(sides.map((side) => [side, []]));
  for (const side of sides) await side.measure(1);
  for (let round = 0; round < options.rounds; round += 1) {
    for (const side of sides) taken.get(side)?.push(await side.measure(options.seconds));
  }
  const ours = taken.get(row.ours) ?? [];
  const results = sides.map((side): SideResult => {
    const measurements = taken.get(side) ?? [];
    const peer = row.peers.find((one) => one.side === side);
    const goal = peer?.goal;
    const cpu = measurements.flatMap(({ cpuMicroseconds }) => cpuMicroseconds ?? []);
    return {
      name: side.name,
      configuration: side.configuration,
      perSecond: spread(measurements.map(({ perSecond }) => perSecond)),
      ...(cpu.length === 0 ? {} : { cpuMicroseconds: spread(cpu).median }),
      ...(goal === undefined
        ? {}
        : {
            goal,
            ratio: spread(measurements.map((m, i) => (ours[i]?.perSecond ?? 0) / m.perSecond)).median,
          }),
      ...latencyResult(ours, measurements, peer?.latencyGoals),
      ...(side === row.ours && row.latencyLimitMs !== undefined
        ? { latencyLimitMs: row.latencyLimitMs }
        : {}),
    };
  });
  return { row: row.name, work: row.work, rounds: options.rounds, sides: results };
}

function latencyResult(
  ours: readonly Measurement[],
  measurements: readonly Measurement[],
  latencyGoals: Latency | undefined,
): Pick<SideResult, 'latencyMs' | 'latencyRatios' | 'latencyGoals'> {
  const taken = measurements.flatMap(({ latencyMs }) => latencyMs ?? []);
  if (taken.length === 0) return {};
  const middle = (of: (latency: Latency, round: number) => number): number => spread(taken.map(of)).median;
  const ourOf = (round: number, key: keyof Latency): number => ours[round]?.latencyMs?.[key] ?? NaN;
  return {
    latencyMs: { p50: middle(({ p50 }) => p50), p99: middle(({ p99 }) => p99) },
    ...(latencyGoals === undefined
      ? {}
      : {
          latencyGoals,
          latencyRatios: {
            p50: middle(({ p50 }, round) => ourOf(round, 'p50') / p50),
            p99: middle(({ p99 }, round) => ourOf(round, 'p99') / p99),
          },
        }),
  };
}

function spread(values: readonly number[]): { median: number; min: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return { median, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 };
}
