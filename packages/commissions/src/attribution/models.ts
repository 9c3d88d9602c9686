import type { AttributionModel } from '@tributary/schema';
import { Decimal } from '../money/decimal.ts';

const HALF_LIFE_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Each model's credit per touch, given the times of the touches, oldest first. Only the ratios count: weights are
 * allotted from them afterwards. Time decay measures age from the latest touch rather than from the order, which
 * multiplies every credit by the same factor.
 */
export const attributionModels: Record<AttributionModel, (times: readonly number[]) => Decimal[]> = {
  last_touch: (times) => times.map((_time, index) => new Decimal(index === times.length - 1 ? 1 : 0)),
  first_touch: (times) => times.map((_time, index) => new Decimal(index === 0 ? 1 : 0)),
  linear: (times) => times.map(() => new Decimal(1)),
  time_decay: (times) => {
    const latest = times.at(-1) ?? 0;
    return times.map((time) => new Decimal(2).pow(new Decimal(time - latest).dividedBy(HALF_LIFE_MS)));
  },
  position_based: (times) => {
    const between = times.length - 2;
    const isEnd = (index: number): boolean => index === 0 || index === times.length - 1;
    return times.map((_time, index) =>
      isEnd(index) ? new Decimal('0.4') : new Decimal('0.2').dividedBy(between),
    );
  },
};
