/** What a candidate is judged by, wherever it is rolled out: by `npm run canary` and by Argo Rollouts. */
export const LIMITS = {
  steps: [10, 50, 100],
  stepSeconds: 300,
  /** Fewer say nothing. */
  minRequests: 500,
  /** A candidate may answer this share of its requests with errors. */
  maxErrorRate: 0.05,
  maxTimesAsSlow: 2,
  /** Of less work than this that failed, one piece more or less would decide. */
  minFailedWork: 3,
  /** Twice a millisecond is still fast: below this nobody would notice. */
  minSlowerSeconds: 0.05,
} as const;
