/** One side of a comparison, measured once. */
export interface Measurement {
  perSecond: number;
  /** CPU of the side's own processes per operation, in microseconds; undefined where it cannot be told. */
  cpuMicroseconds?: number;
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
  /** `goal`: what ours divided by the peer should reach. */
  peers: { side: Side; goal: number }[];
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
    const goal = row.peers.find((peer) => peer.side === side)?.goal;
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
    };
  });
  return { row: row.name, work: row.work, rounds: options.rounds, sides: results };
}

function spread(values: readonly number[]): { median: number; min: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return { median, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 };
}
