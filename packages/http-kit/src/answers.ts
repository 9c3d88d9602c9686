import { z } from 'zod';

/** The body of a success: `{ success: true, data, meta?, message? }`. */
export function success<Data extends z.ZodType>(data: Data) {
  return z.object({ success: z.literal(true), data, message: z.string().optional() });
}

/** The same with a `meta` of its own, as dashboards have it. */
export function successWithMeta<Data extends z.ZodType, Meta extends z.ZodType>(data: Data, meta: Meta) {
  return z.object({ success: z.literal(true), data, meta });
}

export const listMetaSchema = z.object({
  total: z.int(),
  page: z.int(),
  limit: z.int(),
  totalPages: z.int(),
  nextCursor: z.string().optional(),
  totalCapped: z.literal(true).optional(),
});

export type ListMeta = z.output<typeof listMetaSchema>;

/** The body of a list. */
export function list<Item extends z.ZodType>(item: Item) {
  return z.object({ success: z.literal(true), data: z.array(item), meta: listMetaSchema });
}

/** A point in time on the wire. Handlers may give the `Date` that the driver answered. */
export const timestamp = z.union([z.date(), z.iso.datetime({ offset: true })]).meta({
  description: 'ISO 8601, UTC',
});

/** The value of a success, for handlers: `return ok(commission)`. */
export function ok<Data>(data: Data): { success: true; data: Data } {
  return { success: true, data };
}

/** Totals are exact up to here; a count beyond costs more than anybody gains from it. */
export const TOTAL_CAP = 10_000;

export interface Counted {
  /** Matches found, counted up to `TOTAL_CAP + 1` unless `exact`. */
  readonly counted: number;
  /** The client asked for `count=exact`. */
  readonly exact?: boolean;
  readonly page: number;
  readonly limit: number;
  readonly nextCursor?: string | undefined;
}

export function listMeta({ counted, exact = false, page, limit, nextCursor }: Counted): ListMeta {
  const capped = !exact && counted > TOTAL_CAP;
  const total = capped ? TOTAL_CAP : counted;
  return {
    total,
    page,
    limit,
    totalPages: Math.ceil(total / limit),
    ...(nextCursor === undefined ? {} : { nextCursor }),
    ...(capped ? { totalCapped: true } : {}),
  };
}

/** The body of a list whose rows Postgres has already put together as JSON text (`coalesce(json_agg(...), '[]')::text`). */
export function listText(rowsText: string, meta: ListMeta): string {
  return `{"success":true,"data":${rowsText},"meta":${JSON.stringify(meta)}}`;
}

/** The body of a success whose data is JSON text. */
export function successText(dataText: string): string {
  return `{"success":true,"data":${dataText}}`;
}

/** What `sendJsonText` needs of a reply, whatever the types of its route. */
interface TextReply {
  header(name: string, value: string): unknown;
  send(payload: unknown): unknown;
}

/**
 * Sends JSON text as it is: neither parsed, validated nor serialised again, which is most of the cost of a long list.
 * `return sendJsonText(reply, text)` from the handler.
 */
export function sendJsonText<Reply extends TextReply>(reply: Reply, text: string): Reply {
  reply.header('content-type', 'application/json; charset=utf-8');
  reply.send(text);
  return reply;
}
