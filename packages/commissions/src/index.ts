export { attributeClicks, attributeCode, type Touch } from './attribution/index.ts';
export { readBalance } from './balances/read-balance.ts';
export { systemContext, type CommandContext, type CommandDeps, type IdempotencyClaim } from './context.ts';
export type { PolicySource } from './conversions/price.ts';
export type { OrderLineInput } from './conversions/order-input.ts';
export {
  recordConversion,
  type RecordConversionInput,
  type RecordConversionOutcome,
} from './conversions/record-conversion.ts';
export { cancelConversion, confirmConversion, type SettleOutcome } from './conversions/settle-conversion.ts';
export { newId } from './ids.ts';
export {
  changeCommission,
  changeCommissions,
  type BulkItem,
  type BulkItemOutcome,
  type CommandInput,
  type CommandOutcome,
} from './lifecycle/change-commission.ts';
export { clawBackCommission, type ClawBackInput, type ClawBackOutcome } from './lifecycle/claw-back.ts';
export { confirmDueChunk, countDue } from './lifecycle/confirm-due.ts';
export { createBonus, type BonusInput, type BonusOutcome } from './lifecycle/create-bonus.ts';
export {
  ALLOWED_FROM,
  decideCommand,
  type CommissionCommand,
  type Decision,
  type Reason,
} from './lifecycle/decide.ts';
export { readCommissions, type CommissionSnapshot } from './lifecycle/snapshot.ts';
export {
  DATE_COLUMNS,
  filterConditions,
  refundedCondition,
  type CommissionFilter,
  type FilterColumns,
} from './lists/commission-filter.ts';
export { attentionConditions, COMMISSION_ATTENTION, type CommissionAttention } from './lists/attention.ts';
export { compareMoney, money, parseMoney, toWire, type Money } from './money/index.ts';
export { CLOCK_SKEW_MS, type AttributionSettings } from './orders/attribute-order.ts';
export {
  findCode,
  findCodes,
  findProductById,
  findProductBySku,
  findProductsById,
  findProductsBySku,
  type KnownCode,
  type KnownProduct,
  type OrderCatalogue,
} from './orders/catalogue.ts';
export {
  postOrder,
  postOrders,
  type PostedOfSetOutcome,
  type PostOrderDeps,
  type PostOrderOutcome,
} from './orders/post-order.ts';
export type { PostedOrder, PostedOrderLine } from './orders/posted-order.ts';
export { policiesInForce, readPolicies, type PolicyRecord, type PolicySet } from './policies/store.ts';
export { refundConversion, type RefundInput, type RefundOutcome } from './refunds/refund-conversion.ts';
export { settingsRevision } from './revisions.ts';
export { addContext, Parameters, type ContextPlaceholders } from './statement/parameters.ts';
export { auditInsert, eventsOf, idempotencyInsert, outboxInsert } from './statement/records.ts';
export { composeStatement, requireRows, runDecided, runStatement, storedEvents } from './statement/run.ts';
export { commissionWire, conversionWire, instant, jobWire } from './statement/wire.ts';
