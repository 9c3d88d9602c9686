export { attributeClicks, attributeCode, shareAmount } from './attribute.ts';
export type { Credit, Touch } from './attribute.ts';
