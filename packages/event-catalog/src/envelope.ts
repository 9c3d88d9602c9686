import { z } from 'zod';

/** An id as Postgres prints a uuid. Deliberately wider than RFC 9562: what the database stored must be readable. */
export const idSchema = z.guid();

/** ISO 8601 with `Z` or an offset; Postgres writes `+00:00` into jsonb, JavaScript writes `Z`. */
export const instantSchema = z.iso.datetime({ offset: true });

/** An amount of money as a JSON number; negative for claw-backs. */
export const moneySchema = z.number();

/** An ISO 4217 code; always beside an amount. */
export const currencySchema = z.string().regex(/^[A-Z]{3}$/);

export const ACTOR_KINDS = ['user', 'api_key', 'system', 'public', 'shop'] as const;

/** Who caused the event. `name` survives the deletion of the user; background work is `system:<job>`. */
export const actorSchema = z.object({
  kind: z.enum(ACTOR_KINDS),
  id: z.string().nullable(),
  name: z.string(),
});

export type Actor = z.output<typeof actorSchema>;

/** Ids of the entities that the event is about, by name (`{ commissionId, partnerId }`). */
export const subjectSchema = z.record(z.string(), z.string());

export type EventSubject = z.output<typeof subjectSchema>;

/** What every event carries, whatever its type; `data` is checked by the schema of the type. */
export const envelopeSchema = z.object({
  id: idSchema,
  type: z.string().min(1),
  version: z.int().min(1),
  occurredAt: instantSchema,
  programId: z.string().min(1),
  subject: subjectSchema,
  actor: actorSchema,
  requestId: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});
