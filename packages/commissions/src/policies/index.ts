export { calculateCommission } from './calculate.ts';
export { decideCommission } from './decide.ts';
export type { CommissionDecision } from './decide.ts';
export { matchPolicy, specificityOf } from './match.ts';
export type { Candidate, CommissionLine, Policy } from './types.ts';
