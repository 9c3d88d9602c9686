import { moneyAnswer, timestamp } from '@tributary/http-kit';
import { z } from 'zod';

export const balanceSchema = z.object({
  partnerId: z.uuid(),
  asOf: timestamp,
  currencies: z.array(
    z.object({
      currency: z.string(),
      /** Earnings and bonuses that wait for confirmation, are to be paid, and were paid. */
      pending: moneyAnswer,
      confirmed: moneyAnswer,
      paid: moneyAnswer,
      /** Claw-backs (negative) that are not set off yet, and those that are. */
      clawbacksToNet: moneyAnswer,
      clawbacksNetted: moneyAnswer,
      /** What a payment would come to: confirmed and clawbacksToNet. */
      payable: moneyAnswer,
    }),
  ),
});
