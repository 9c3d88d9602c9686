// @ts-check
// Rises until it breaks, then shows that it recovers. By `npm run load -- stress [--profile smoke|short|full]`.
import { chooseProfile, everyOperation, optionsFor } from './lib/profiles.ts';
import { usersWith } from './lib/script.ts';

export { handleSummary, setup } from './lib/script.ts';

/** @type {Record<import('./lib/profiles.ts').ProfileName, { rising: number[], stepSeconds: number, users: number, recoverySeconds: number }>} */
const PROFILES = {
  smoke: { rising: [20, 40], stepSeconds: 6, users: 10, recoverySeconds: 12 },
  short: { rising: [500, 1_000, 2_000, 4_000], stepSeconds: 25, users: 300, recoverySeconds: 60 },
  full: {
    rising: [500, 1_000, 2_000, 3_000, 4_000, 6_000],
    stepSeconds: 120,
    users: 300,
    recoverySeconds: 300,
  },
};

const { rising, stepSeconds, users, recoverySeconds } = chooseProfile(PROFILES);

/** Requests that were under way when the crowd went get a moment to end before latency counts again. */
const SETTLE_SECONDS = 5;
const DESCENT_SECONDS = 5;
const recoversFrom = rising.length * stepSeconds + DESCENT_SECONDS + SETTLE_SECONDS;

const RECOVERED = ['p(95)<500', 'p(99)<1000'];
/** While it breaks nothing is promised but that the books balance; afterwards it is as before. */
const NOTHING = ['max>=0'];

const options = optionsFor([
  ...rising.map((users) => ({ users, climbSeconds: stepSeconds / 2, holdSeconds: stepSeconds / 2 })),
  { users, climbSeconds: DESCENT_SECONDS, holdSeconds: SETTLE_SECONDS + recoverySeconds },
]);
options.thresholds = {
  ...Object.fromEntries(
    Object.keys(everyOperation(NOTHING))
      .filter((name) => name.startsWith('http_req_duration'))
      .map((name) => [name, NOTHING]),
  ),
  'http_req_duration{phase:recovery}': RECOVERED,
  'http_req_failed{phase:recovery}': ['rate<0.01'],
};

export { options };

export const { visitors, staff, partners } = usersWith((seconds) =>
  seconds >= recoversFrom ? 'recovery' : 'load',
);
