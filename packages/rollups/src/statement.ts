import type { QueryParam } from '@tributary/schema';
import type { Cover, Span } from './cover.ts';

/** Whose figures, in which currency; without a partner those of the whole programme. */
export interface Scope {
  readonly programId: string;
  readonly currency: string;
  readonly partnerId?: string | undefined;
}

/** A statement in the making: text refers to values by placeholder. The same shape always gives the same text. */
export interface Statement {
  readonly params: QueryParam[];
  readonly scope: Scope;
  readonly programId: string;
  readonly cover: Cover;
  /** The placeholder of a value. */
  bind(value: QueryParam): string;
  /** A relation `alias (from_at, to_at)` of spans. */
  spans(spans: readonly Span[], alias: string): string;
}

export function createStatement(scope: Scope, cover: Cover): Statement {
  const params: QueryParam[] = [];
  const bind = (value: QueryParam): string => `$${params.push(value)}`;
  const programId = `${bind(scope.programId)}::text`;
  return {
    params,
    scope,
    programId,
    cover,
    bind,
    spans(spans, alias) {
      const from = bind(spans.map((span) => span.from));
      const to = bind(spans.map((span) => span.to));
      return `unnest(${from}::timestamptz[], ${to}::timestamptz[]) AS ${alias} (from_at, to_at)`;
    },
  };
}
