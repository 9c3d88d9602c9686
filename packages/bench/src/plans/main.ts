// Prints the plans of every statement of the dashboards as they run in the service, over the past that is kept in a folder:
// node_modules/.bin/node packages/bench/src/plans/main.ts [--data FOLDER]
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { startAnalytics } from '../dashboards/analytics.ts';
import { openPast } from '../dashboards/past.ts';

const root = resolve(import.meta.dirname, '../../../..');
const DAY_MS = 86_400_000;

/** Postgres itself tells the plan of what it runs, prepared statements as they are. */
const EXPLAINING = {
  session_preload_libraries: 'auto_explain',
  'auto_explain.log_min_duration': '0',
  'auto_explain.log_analyze': 'on',
  'auto_explain.log_buffers': 'on',
  'auto_explain.log_timing': 'on',
  log_line_prefix: '%a|',
};

const DASHBOARDS = [
  'funnel',
  'policy-performance',
  'partner-tiers',
  'kpi',
  'trends?interval=day',
  'trends?interval=hour',
];

/** Enough that a prepared statement has the plan it keeps. */
const WARM_UP = 6;

/** `[milliseconds, plan]` of what the service ran since the log was so long. */
function plansSince(logFile: string, offset: number): { ms: number; text: string; plan: string }[] {
  const log = readFileSync(logFile).subarray(offset).toString();
  const entries = log.split(/^(?=[^\t\n|]*\|)/m).filter((entry) => entry.startsWith('analytics-service|'));
  return entries.flatMap((entry) => {
    const found = /duration: ([\d.]+) ms {2}plan:\n([\s\S]*)/.exec(entry);
    if (found?.[1] === undefined || found[2] === undefined) return [];
    const lines = found[2].split('\n').map((line) => line.replace(/^\t/, ''));
    const begin = lines.findIndex((line) => line.includes('(cost='));
    return [
      {
        ms: Number(found[1]),
        text: lines.slice(0, begin).join(' ').replaceAll(/\s+/g, ' ').replace('Query Text: ', ''),
        plan: tidy(lines.slice(begin)),
      },
    ];
  });
}

/** Without estimates, and with the buffers of the whole only. */
function tidy(lines: readonly string[]): string {
  return lines
    .filter((line) => !/^\s+Index Searches:|^\s{3,}Buffers:|^\s*$/.test(line))
    .map((line) =>
      line.replace(/\(cost=\S+ rows=\d+ width=\d+\) /, '').replace(/time=[\d.]+\.\.([\d.]+)/, 'time=$1'),
    )
    .join('\n');
}

/** What every request reads first: settings and how far the rollups are. */
const isOfDashboard = ({ text }: { text: string }): boolean => /rollup_(?!progress)|partners/.test(text);

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { data: { type: 'string' } } });
  const data = values.data === undefined ? undefined : resolve(values.data);
  const past = await openPast({ folder: '', root, data, log: console.error, settings: EXPLAINING });
  const logFile = `${join(data ?? join(root, '.tributary', 'bench', 'past'), 'postgres')}.log`;
  const analytics = await startAnalytics(root, past);
  try {
    console.log(`Of ${past.size}; 30 days up to ${past.end.toISOString()} less some hours and minutes.\n`);
    for (const dashboard of DASHBOARDS) {
      for (let turn = 0; turn < WARM_UP; turn += 1)
        await analytics.ask(dashboard, rangeBefore(past.end, turn));
      const offset = statSync(logFile).size;
      await analytics.ask(dashboard, rangeBefore(past.end, WARM_UP));
      await pause(500);
      console.log(`## ${dashboard}\n`);
      for (const { ms, text, plan } of plansSince(logFile, offset).filter(isOfDashboard))
        console.log(`${ms.toFixed(1)} ms: \`${text.slice(0, 110)}...\`\n\n\`\`\`\n${plan}\n\`\`\`\n`);
    }
  } finally {
    await analytics.stop();
    await past.stop();
  }
}

function rangeBefore(end: Date, turn: number): { from: Date; to: Date } {
  const to = new Date(end.getTime() - turn * 7_654_321);
  return { from: new Date(to.getTime() - 30 * DAY_MS), to };
}

await main();
