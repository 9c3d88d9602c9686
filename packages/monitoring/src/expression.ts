import { METRICS, PROMETHEUS_METRICS } from './metrics.ts';

/** What an expression asks for. */
export interface Question {
  readonly metric: string;
  readonly labels: readonly string[];
}

const TEXT = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g;
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const SET_OPERATOR = /\b(?:and|or|unless)\b(?:\s+(?:on|ignoring)\s*\([^)]*\))?/;
const DURATION = /\[[^\]]*\]|\b\d+(?:ms|[smhdwy])\b/g;
const SELECTOR = /([A-Za-z_:][\w:]*)\s*(\{[^}]*\})?(?!\s*\(|\w)/g;
const MATCHER = /(\w+)\s*(?:=~|!~|!=|=)/g;
const KEYWORDS = new Set(['by', 'on', 'offset', 'bool', 'without', 'inf', 'nan']);
/** Of every series: who was scraped, and whose it is. */
const ALWAYS = ['job', 'instance', 'service'];
const SUFFIX = /_(bucket|sum|count)$/;

/**
 * Reads which metrics and which of their labels a PromQL expression names. A label that one side of `and`, `or` or
 * `unless` groups by is asked of every metric on that side.
 */
export function questionsOf(expression: string): Question[] {
  return expression.replaceAll(TEXT, '""').split(SET_OPERATOR).flatMap(questionsOfSide);
}

function questionsOfSide(plain: string): Question[] {
  const grouping = [...plain.matchAll(GROUPING)].flatMap(([, names = '']) =>
    names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );
  const body = plain.replaceAll(GROUPING, ' ').replaceAll(DURATION, ' ');
  return [...body.matchAll(SELECTOR)]
    .filter(([, name = '']) => !KEYWORDS.has(name.toLowerCase()))
    .map(([, metric = '', selector = '']) => ({
      metric,
      labels: [...new Set([...[...selector.matchAll(MATCHER)].map(([, label = '']) => label), ...grouping])],
    }));
}

/**
 * Says what an expression asks for that nobody exposes, as sentences; none when all is well.
 * @param recorded names of recording rules, which may be asked for as well
 */
export function faultsOf(expression: string, recorded: ReadonlySet<string> = new Set()): string[] {
  const questions = questionsOf(expression);
  if (questions.length === 0) return [`"${expression}" asks for no metric`];
  return questions.flatMap(({ metric, labels }) => {
    if (recorded.has(metric)) return [];
    const base = metric.replace(SUFFIX, '');
    const declared = METRICS[metric] ?? PROMETHEUS_METRICS[metric] ?? METRICS[base];
    if (declared === undefined) return [`${metric} is no metric`];
    const isPart = METRICS[metric] === undefined && PROMETHEUS_METRICS[metric] === undefined;
    if (isPart && declared.type !== 'histogram') return [`${base} is no histogram`];
    if (!isPart && declared.type === 'histogram') return [`${metric} is a histogram: ask for its parts`];
    const known = new Set([...declared.labels, ...ALWAYS, ...(metric.endsWith('_bucket') ? ['le'] : [])]);
    return labels.filter((label) => !known.has(label)).map((label) => `${metric} has no label ${label}`);
  });
}
