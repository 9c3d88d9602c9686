// @ts-check
// A working day: 100 users, 500, 1,000, 500, none. By `npm run load -- load [--profile smoke|short|full]`.
import { chooseProfile, optionsFor } from './lib/profiles.ts';
import { handleSummary as writeSummary, usersWith } from './lib/script.ts';

export { setup } from './lib/script.ts';

/** @type {Record<import('./lib/profiles.ts').ProfileName, { steps: import('./lib/profiles.ts').Step[], plateauRate: number }>} */
const PROFILES = {
  // Just long enough to meet every operation.
  smoke: {
    steps: [
      { users: 20, climbSeconds: 3, holdSeconds: 17 },
      { users: 0, climbSeconds: 2, holdSeconds: 0 },
    ],
    plateauRate: 20,
  },
  short: {
    steps: [
      { users: 100, climbSeconds: 5, holdSeconds: 15 },
      { users: 500, climbSeconds: 10, holdSeconds: 30 },
      { users: 1_000, climbSeconds: 15, holdSeconds: 75 },
      { users: 500, climbSeconds: 5, holdSeconds: 20 },
      { users: 0, climbSeconds: 5, holdSeconds: 0 },
    ],
    plateauRate: 1_000,
  },
  full: {
    steps: [
      { users: 100, climbSeconds: 30, holdSeconds: 90 },
      { users: 500, climbSeconds: 30, holdSeconds: 270 },
      { users: 1_000, climbSeconds: 60, holdSeconds: 540 },
      { users: 500, climbSeconds: 30, holdSeconds: 270 },
      { users: 0, climbSeconds: 120, holdSeconds: 0 },
    ],
    plateauRate: 1_000,
  },
};

const { steps, plateauRate } = chooseProfile(PROFILES);

/** The plateau: while the most users are there. */
const peak = steps.findIndex(({ users }) => users === Math.max(...steps.map((step) => step.users)));
const before = steps
  .slice(0, peak)
  .reduce((sum, { climbSeconds, holdSeconds }) => sum + climbSeconds + holdSeconds, 0);
const plateauFrom = before + (steps[peak]?.climbSeconds ?? 0);
const plateauSeconds = steps[peak]?.holdSeconds ?? 0;

export const options = optionsFor(steps, {
  'http_reqs{phase:plateau}': [`count>${plateauRate * plateauSeconds}`],
  'http_req_duration{phase:plateau}': ['p(95)<500', 'p(99)<1000'],
});

export const { visitors, staff, partners } = usersWith((seconds) =>
  seconds >= plateauFrom && seconds < plateauFrom + plateauSeconds ? 'plateau' : 'load',
);

/** @param {import('./lib/summary.ts').SummaryData} data */
export const handleSummary = (data) => writeSummary({ ...data, plateauSeconds });
