import type { Options, Scenario, Threshold } from 'k6/options';

/** For how long the load climbs to a number of users, and for how long it stays there. */
export interface Step {
  readonly users: number;
  readonly climbSeconds: number;
  readonly holdSeconds: number;
}

export type ProfileName = 'smoke' | 'short' | 'full';

/** Who the users are, of twenty. Fourteen visits to three at a desk and three partners looking: a working day. */
const SHARES = { visitors: 14, staff: 3, partners: 3 } as const;
const OF = 20;

/** Checking a password is made expensive on purpose, and everybody who comes at once logs in at once. */
const LOGIN_LATENCY = ['p(95)<2000'];
const LATENCY = ['p(95)<500', 'p(99)<1000'];

/** What users do; each has latencies of its own, so that a slow one cannot hide behind a thousand fast clicks. */
export const OPERATIONS = [
  'click',
  'redirect',
  'conversion',
  'list',
  'commission',
  'dashboard',
  'adjust',
  'confirm',
  'partner',
  'login',
] as const;

export type Operation = (typeof OPERATIONS)[number];

export function chooseProfile<Profile>(profiles: Readonly<Record<ProfileName, Profile>>): Profile {
  const name = __ENV['PROFILE'] ?? 'full';
  if (name !== 'smoke' && name !== 'short' && name !== 'full')
    throw new Error(`PROFILE is smoke, short or full, not ${name}`);
  return profiles[name];
}

/** Options of a script whose users come and go by these steps. */
export function optionsFor(
  steps: readonly Step[],
  thresholds: Readonly<Record<string, Threshold[]>> = {},
): Options {
  const scenario = (exec: keyof typeof SHARES): Scenario => ({
    executor: 'ramping-vus',
    exec,
    startVUs: 0,
    stages: steps.flatMap(({ users, climbSeconds, holdSeconds }) => {
      const target = Math.round((users * SHARES[exec]) / OF);
      return [
        { duration: `${climbSeconds}s`, target },
        { duration: `${holdSeconds}s`, target },
      ];
    }),
    // Longer than a request may take: of one that is cut off nobody would know whether it took effect.
    gracefulRampDown: '35s',
    gracefulStop: '35s',
  });
  return {
    scenarios: {
      visitors: scenario('visitors'),
      staff: scenario('staff'),
      partners: scenario('partners'),
    },
    ...commonOptions,
    thresholds: { ...everyOperation(LATENCY), ...thresholds },
  };
}

/** A bound on all requests and on each operation, and on how many fail. */
export function everyOperation(latency: readonly string[]): Record<string, Threshold[]> {
  const each = OPERATIONS.map((operation) => [
    `http_req_duration{operation:${operation}}`,
    operation === 'login' ? LOGIN_LATENCY : [...latency],
  ]);
  return {
    'http_req_duration{stage:load}': [...latency],
    'http_req_failed{stage:load}': ['rate<0.01'],
    checks: ['rate>0.99'],
    ...Object.fromEntries(each),
  };
}

const commonOptions = {
  setupTimeout: '5m',
  // A name of our own: k6's counts as a bot, and bots' clicks earn nothing.
  userAgent:
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36',
  // Without the URL: thousands of them would each be a time series of its own.
  systemTags: ['status', 'scenario', 'expected_response'],
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max', 'count'],
} satisfies Options;
