import { Parameters } from '@tributary/commissions';
import { partnerFilter, type DateRange, type Identity } from '@tributary/http-kit';
import type { QueryParam } from '@tributary/schema';
import type { Selection } from './read-list.ts';

export interface Filter {
  /** Column with its alias. */
  readonly column: string;
  readonly type: string;
  readonly value: QueryParam | undefined;
}

/** What a caller may see of a table in a range of time: a partner only its own rows, none when it asks for another's. */
export function selectRows(options: {
  readonly alias: string;
  readonly time: string;
  readonly range: DateRange;
  readonly identity: Identity;
  readonly partnerId: string | undefined;
  readonly filters: readonly Filter[];
}): Selection {
  const { alias, time, range, identity, filters } = options;
  const parameters = new Parameters();
  const own = partnerFilter(identity, options.partnerId);
  const conditions = [
    `${alias}.program_id = ${parameters.add(identity.programId, 'text')}`,
    `${time} >= ${parameters.add(range.from, 'timestamptz')}`,
    `${time} < ${parameters.add(range.to, 'timestamptz')}`,
    ...(own.none ? ['FALSE'] : []),
  ];
  const all = [...filters, { column: `${alias}.partner_id`, type: 'uuid', value: own.partnerId }];
  for (const { column, type, value } of all) {
    if (value !== undefined) conditions.push(`${column} = ${parameters.add(value, type)}`);
  }
  return { parameters, conditions };
}
