import { runnerSetting, type TestScope } from './scope.ts';
import { uniqueName } from './unique.ts';

/** Where to find NATS, and the prefix that keeps this test's streams and subjects apart from those of others. */
export interface TestNats {
  url: string;
  namespace: string;
}

async function deleteStreams(url: string, namespace: string): Promise<void> {
  // Loaded when it is needed: a test file that only names streams does not pay for the client.
  const { connect } = await import('nats');
  const connection = await connect({ servers: url });
  try {
    const manager = await connection.jetstreamManager();
    for await (const stream of manager.streams.list()) {
      const own = stream.config.subjects.some((subject) => subject.startsWith(`${namespace}.`));
      if (own) await manager.streams.delete(stream.config.name);
    }
  } finally {
    await connection.close();
  }
}

/** A namespace on the run's NATS server; its streams are deleted with the scope. */
export function testNats(t: TestScope): TestNats {
  const url = runnerSetting('TEST_NATS_URL');
  const namespace = uniqueName('t');
  t.teardown(() => deleteStreams(url, namespace));
  return { url, namespace };
}
