export { coverRange, type Cover, type Span } from './cover.ts';
export { findFirstMoment, startOfUtcDay, type DayRange } from './days.ts';
export {
  clickFacts,
  partnerFacts,
  policyFacts,
  productFacts,
  programClickFacts,
  programFacts,
} from './facts.ts';
export {
  EARNING_FIGURES,
  figureNames,
  FIGURES_DEFINITION,
  PARTNER_FIGURES,
  sums,
  type EarningFigure,
  type PartnerFigure,
} from './figures.ts';
export { rebuildRollups } from './rebuild.ts';
export { recompute } from './recompute.ts';
export { addDrift, RECONCILED_ROLLUPS, reconcileRollups, type Drift } from './reconcile.ts';
export { createKeySet, type KeySet } from './rollup-keys.ts';
export { createStatement, type Scope } from './statement.ts';
