import { Writable } from 'node:stream';
import { createLogger } from '@tributary/runtime';
import { waitFor } from '@tributary/testkit';
import t from 'tap';
import { asService, call, echo, listen, startGateway } from './gateway-under-test.ts';

type Line = Record<string, unknown>;

t.test('a line of the log says which service and release answered which route, and no address', async (t) => {
  const lines: Line[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Line);
      done();
    },
  });
  const upstream = await listen(t, asService(echo));
  const gateway = await startGateway(t, {
    upstreams: { 'echo-service': upstream.url },
    logger: createLogger({ service: 'gateway', destination }),
  });
  const lineOf = async (requestId: string) => {
    const isIt = (line: Line) => line['msg'] === 'request' && line['requestId'] === requestId;
    await waitFor(() => lines.some(isIt));
    return lines.find(isIt);
  };

  await call(gateway, '/api/v1/open?secret=hunter2', { headers: { 'x-request-id': 'proxied' } });
  t.match(await lineOf('proxied'), {
    route: '/api/v1/open',
    operation: 'open',
    upstream: 'echo-service',
    release: 'stable',
    principal: 'public',
    status: 200,
  });
  await call(gateway, '/api/v1/echo/4711', { headers: { 'x-request-id': 'refused' } });
  const refused = await lineOf('refused');
  t.match(refused, { route: '/api/v1/echo/:id', operation: 'echoOne', status: 401, code: 'UNAUTHENTICATED' });
  t.notOk(refused && 'upstream' in refused, 'nobody was asked');
  await call(gateway, '/api/v1/nowhere/hunter2', { headers: { 'x-request-id': 'unknown' } });
  t.match(await lineOf('unknown'), { route: 'unmatched', status: 404 });
  const requests = lines.filter(({ msg }) => msg === 'request');
  t.notMatch(JSON.stringify(requests), /hunter2|127\.0\.0\.1/);
});
