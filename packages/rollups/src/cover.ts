/** From a moment to a later one, the later not included. */
export interface Span {
  readonly from: Date;
  readonly to: Date;
}

/** A range, divided into what each grain answers. Spans do not overlap and together are the range. */
export interface Cover {
  readonly days: readonly Span[];
  readonly hours: readonly Span[];
  /** Parts of hours: read from the base tables. */
  readonly rows: readonly Span[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * Divides a range. With `cuts` (bounds of the buckets of a series) no hour or day lies across a cut: where one would, as in
 * a time zone with half hours, its rows are read instead.
 */
export function coverRange({ from, to }: Span, cuts: readonly Date[] = []): Cover {
  const inside = cuts.map(Number).filter((cut) => cut > from.getTime() && cut < to.getTime());
  const bounds = [from.getTime(), ...inside, to.getTime()];
  const cover = { days: new Spans(), hours: new Spans(), rows: new Spans() };
  for (const [index, start] of bounds.entries()) {
    const end = bounds[index + 1];
    if (end !== undefined && end > start) coverSegment(cover, start, end);
  }
  return { days: cover.days.list, hours: cover.hours.list, rows: cover.rows.list };
}

/** The same without days, for what is kept by the hour only. */
export function inHours({ days, hours, rows }: Cover): Cover {
  const all = new Spans();
  const ordered = [...days, ...hours].sort((a, b) => a.from.getTime() - b.from.getTime());
  for (const span of ordered) all.add(span.from.getTime(), span.to.getTime());
  return { days: [], hours: all.list, rows };
}

function coverSegment(cover: Record<keyof Cover, Spans>, start: number, end: number): void {
  nest(cover.rows, { start, end, grainMs: HOUR_MS }, (firstHour, lastHour) => {
    nest(cover.hours, { start: firstHour, end: lastHour, grainMs: DAY_MS }, (firstDay, lastDay) => {
      cover.days.add(firstDay, lastDay);
    });
  });
}

/** Gives the whole grains inside to `inner` and what is left at both ends to `edges`. */
function nest(
  edges: Spans,
  { start, end, grainMs }: { start: number; end: number; grainMs: number },
  inner: (start: number, end: number) => void,
): void {
  const first = Math.ceil(start / grainMs) * grainMs;
  const last = Math.floor(end / grainMs) * grainMs;
  if (first >= last) {
    edges.add(start, end);
    return;
  }
  edges.add(start, first);
  inner(first, last);
  edges.add(last, end);
}

/** Collects spans in order and joins those that touch. */
class Spans {
  readonly list: Span[] = [];

  add(start: number, end: number): void {
    if (start >= end) return;
    const last = this.list.at(-1);
    if (last?.to.getTime() === start)
      this.list[this.list.length - 1] = { from: last.from, to: new Date(end) };
    else this.list.push({ from: new Date(start), to: new Date(end) });
  }
}
