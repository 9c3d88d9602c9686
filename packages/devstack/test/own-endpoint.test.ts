import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { TestScope } from '@tributary/testkit';
import t from 'tap';

import { listenForWebhooks } from '../src/webhooks/listen.ts';

const ENDPOINT = '/api/v1/webhooks/endpoints/e1';
const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

/** A gateway that makes endpoint `e1`, cannot send its test event, and removes endpoints as `removal` says. */
async function startGateway(t: TestScope, removal: number) {
  const asked: string[] = [];
  const statuses: Readonly<Record<string, number>> = {
    [`POST ${ENDPOINT}/test`]: 503,
    [`DELETE ${ENDPOINT}`]: removal,
  };
  const server = createServer(({ method, url }, response) => {
    const request = `${method} ${url}`;
    asked.push(request);
    response
      .writeHead(statuses[request] ?? 200)
      .end(JSON.stringify({ data: { accessToken: 'token', id: 'e1', secret: SECRET } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const partner = { email: 'partner@example.com', password: 'correct horse' };
  return { stack: { gatewayUrl: `http://127.0.0.1:${port}`, partner }, asked };
}

t.test('an endpoint whose test event cannot be sent is not left behind', async (t) => {
  const { stack, asked } = await startGateway(t, 200);
  await t.rejects(listenForWebhooks({ stack, print: () => undefined }), {
    message: /\/test was answered 503/,
  });
  t.equal(asked.at(-1), `DELETE ${ENDPOINT}`);
});

t.test('one that cannot be removed either is named, and the first failure is the one to tell', async (t) => {
  const { stack } = await startGateway(t, 500);
  const printed: string[] = [];
  await t.rejects(listenForWebhooks({ stack, print: (line) => printed.push(line) }), {
    message: /\/test was answered 503/,
  });
  t.match(printed.at(-1), /^Endpoint e1 could not be removed: DELETE .* was answered 500/);
});
