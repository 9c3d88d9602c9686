import type { FieldChange } from '../changes/field-changes.ts';

export interface AuditFacts {
  readonly entityType: string;
  readonly action: string;
  readonly actor: string;
  readonly changes: readonly FieldChange[];
  readonly reason: string | null;
}

const MAX_VALUE_LENGTH = 80;
const MAX_NAMED = 5;

/** "Ada Admin adjusted the commission: commissionAmount from 10 to 8. Reason: negotiated with the partner." */
export function sentenceOf({ entityType, action, actor, changes, reason }: AuditFacts): string {
  const done = `${actor} ${action.replaceAll('_', ' ')} the ${entityType.replaceAll('_', ' ')}`;
  const what = describeChanges(changes);
  return withReason(`${done}${what === '' ? '' : `: ${what}`}.`, reason);
}

/** A sentence with the reason behind it, where there is one. */
export const withReason = (sentence: string, reason: string | null): string =>
  reason === null ? sentence : `${sentence} Reason: ${withStop(reason)}`;

function describeChanges(changes: readonly FieldChange[]): string {
  const named = changes
    .slice(0, MAX_NAMED)
    .map(({ field, oldValue, newValue }) =>
      oldValue === null || oldValue === undefined
        ? `${field} ${shown(newValue)}`
        : `${field} from ${shown(oldValue)} to ${shown(newValue)}`,
    );
  const more = changes.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text;
}

const withStop = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
