// An image's health check: whether the service in it is ready. There is no curl, and no shell, to ask with.
const DEADLINE_MS = 2_000;

const url = `http://127.0.0.1:${process.env['PORT'] ?? '8080'}/health/ready`;
const isReady = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) }).then(
  (answer) => answer.ok,
  () => false,
);
process.exit(isReady ? 0 : 1);
