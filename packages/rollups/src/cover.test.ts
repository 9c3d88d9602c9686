import * as fc from 'fast-check';
import t from 'tap';
import { coverRange, inHours } from './cover.ts';
import type { Cover, Span } from './cover.ts';

const HOUR_MS = 3_600_000;
const moment = fc.integer({ min: 0, max: 10 * 24 * HOUR_MS });

function spansOf({ days, hours, rows }: Cover): Span[] {
  return [...days, ...hours, ...rows].sort((a, b) => a.from.getTime() - b.from.getTime());
}

t.test('the spans of a cover are the range, without gap or overlap, each aligned to its grain', async (t) => {
  fc.assert(
    fc.property(fc.tuple(moment, moment), fc.array(moment), (bounds, cuts) => {
      const from = Math.min(...bounds);
      const to = Math.max(...bounds);
      const sorted = cuts.toSorted((a, b) => a - b).map((cut) => new Date(cut));
      const cover = coverRange({ from: new Date(from), to: new Date(to) }, sorted);
      let reached = from;
      for (const span of spansOf(cover)) {
        if (span.from.getTime() !== reached) return false;
        reached = span.to.getTime();
      }
      const aligned = (spans: readonly Span[], grain: number): boolean =>
        spans.every((span) => span.from.getTime() % grain === 0 && span.to.getTime() % grain === 0);
      const uncut = sorted.every((cut) =>
        [...cover.hours, ...cover.days].every(
          (span) => cut <= span.from || cut >= span.to || cut.getTime() % HOUR_MS === 0,
        ),
      );
      return reached === to && aligned(cover.hours, HOUR_MS) && aligned(cover.days, 24 * HOUR_MS) && uncut;
    }),
  );
  t.pass('holds');
});

t.test('days become hours, and neighbours are joined, for what has no days', async (t) => {
  const at = (hour: number, minute = 0): Date => new Date(Date.UTC(2026, 2, 1, hour, minute));
  const cover = coverRange({ from: at(22, 30), to: at(50, 15) });
  t.same(cover.days, [{ from: at(24), to: at(48) }]);
  t.same(inHours(cover), {
    days: [],
    hours: [{ from: at(23), to: at(50) }],
    rows: [
      { from: at(22, 30), to: at(23) },
      { from: at(50), to: at(50, 15) },
    ],
  });
  t.same(coverRange({ from: at(1, 10), to: at(1, 20) }).rows, [{ from: at(1, 10), to: at(1, 20) }]);
});
