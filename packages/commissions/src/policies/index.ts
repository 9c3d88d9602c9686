export { calculateCommission } from './calculate.ts';
export type { ArithmeticStep, Calculation } from './calculate.ts';
export { decideCommission } from './decide.ts';
export type { CommissionDecision, ConsideredPolicy, Decision, UsedPolicy } from './decide.ts';
export { matchPolicy, specificityOf } from './match.ts';
export type { PolicyMatch } from './match.ts';
export type { Candidate, CommissionLine, Policy } from './types.ts';
