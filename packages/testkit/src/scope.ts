/** What a test's resources are tied to: tap's `t`, of the file or of one test. Released last in, first out. */
export interface TestScope {
  teardown(release: () => unknown): void;
}

/** A setting the runner gives to test processes. Throws when a test file was started without the runner. */
export function runnerSetting(name: 'TEST_POSTGRES_URL' | 'TEST_NATS_URL' | 'TEST_REDIS_URL'): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run this file with npm test -- <file>.`);
  return value;
}
