import { z } from 'zod';

import type { Programme } from './programme.ts';
import type { ModelLine, ModelState } from './state.ts';

export const rowSchema = z.looseObject({
  id: z.string(),
  partnerId: z.string(),
  productId: z.string().nullable(),
  originalCommissionId: z.string().nullish(),
});

type Row = z.output<typeof rowSchema>;

const jsonRows = z.string().transform((text) => z.array(rowSchema).parse(JSON.parse(text)));
const settledRows = z.object({ conversions: jsonRows, commissions: jsonRows });

/** Gives the model's rows the ids that the real ones have got. */
export function bindRows(
  { partners, products }: Programme,
  lines: readonly ModelLine[],
  rows: unknown,
): void {
  const { conversions, commissions } = settledRows.parse(rows);
  for (const line of lines) {
    for (const part of line.parts) {
      const isOfPart = (row: Row): boolean =>
        row.partnerId === partners[part.partner] && row.productId === products[line.product];
      part.id = conversions.find(isOfPart)?.id ?? part.id;
      if (part.commission !== null) part.commission.id ||= commissions.find(isOfPart)?.id ?? '';
    }
  }
}

export function bindClawBacks(state: ModelState, clawbacks: readonly Row[]): void {
  for (const row of clawbacks) {
    const clawback = state.commissions.find(
      ({ id, original }) => id === '' && original !== null && original.id === row.originalCommissionId,
    );
    if (clawback !== undefined) clawback.id = row.id;
  }
}
