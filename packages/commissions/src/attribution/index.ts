export { attributeClicks, attributeCode, shareAmount } from './attribute.ts';
export type { Touch } from './attribute.ts';
