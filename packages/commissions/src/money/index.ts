export {
  addMoney,
  compareMoney,
  MAX_MONEY,
  money,
  MoneyError,
  negateMoney,
  parseMoney,
  proportion,
  roundMoney,
  subtractMoney,
  toWire,
  ZERO_MONEY,
} from './amounts.ts';
export type { Money } from './amounts.ts';
export { allot } from './allot.ts';
