import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';

import t from 'tap';

import { dataOf, clientOf } from '../api-client.ts';
import {
  HOSTILE_BODIES,
  HOSTILE_QUERIES,
  HOSTILE_SEGMENTS,
  type HostileBody,
  LEAKS,
} from '../hostile-input.ts';
import { operationsOf } from '../operations.ts';
import { startPlatform } from '../platform.ts';

const platform = await startPlatform(t);
const { accessToken } = await dataOf(clientOf(platform)('POST', '/auth/login', { body: platform.admin }));
const operations = await operationsOf(platform);
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
t.teardown(() => agent.destroy());
const { hostname, port } = new URL(platform.gatewayUrl);

interface Sent {
  readonly method: string;
  /** Exactly as it goes over the wire: `fetch` would tidy it up. */
  readonly path: string;
  readonly body?: HostileBody;
}

interface Answered {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

function send({ method, path, body }: Sent): Promise<Answered> {
  const headers = {
    authorization: `Bearer ${accessToken}`,
    ...(body === undefined ? {} : { 'content-type': body.type, 'content-length': body.bytes.length }),
  };
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'] ?? '',
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body?.bytes);
  });
}

/** What is wrong with an answer to nonsense; undefined when it is a 4xx problem, or a success, without a leak. */
function faultIn({ status, type, text }: Answered, mayWork: boolean): string | undefined {
  if (status >= 500) return `it is a ${status}: ${text.slice(0, 300)}`;
  if (status < 400 && !mayWork) return `it worked: ${status}`;
  if (
    status >= 400 &&
    text !== '' &&
    !type.startsWith('application/problem+json') &&
    !type.startsWith('text/html')
  )
    return `${status} is ${type}`;
  return LEAKS.test(text) ? `it leaks: ${text.slice(0, 300)}` : undefined;
}

async function faultsOf(requests: readonly Sent[], mayWork: (sent: Sent) => boolean): Promise<string[]> {
  const queue = [...requests];
  const faults: string[] = [];
  const lane = async (): Promise<void> => {
    for (let sent = queue.shift(); sent !== undefined; sent = queue.shift()) {
      const answer = await send(sent).catch((error: unknown) => String(error));
      const fault = typeof answer === 'string' ? answer : faultIn(answer, mayWork(sent));
      const body =
        sent.body === undefined ? '' : ` ${sent.body.type} ${sent.body.bytes.toString('latin1', 0, 60)}`;
      if (fault !== undefined) faults.push(`${sent.method} ${sent.path.slice(0, 120)}${body}: ${fault}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  return faults;
}

/** A link sends whoever follows it somewhere, known or not: to the programme's own page when its code is nonsense. */
const isLink = ({ path }: Sent): boolean => path.startsWith('/r/');
/** A list of what happened to something: nothing, for what never was. */
const isTrail = ({ path }: Sent): boolean => path.includes('/audit-trail/');
/** Any text may be searched for. */
const isSearch = ({ path }: Sent): boolean => path.includes('?search=');
/** The session of the access token ends, whether the body says anything or not. */
const isLogout = ({ path }: Sent): boolean => path.endsWith('/auth/logout');

t.test('nonsense in a path is a 4xx problem on every route', async (t) => {
  const requests = operations.flatMap(({ method, name }) => {
    const [, pattern = ''] = name.split(' ');
    if (!pattern.includes('{')) return [];
    return HOSTILE_SEGMENTS.map((segment) => ({
      method,
      path: pattern.replaceAll(/\{[^}]+\}/g, () => segment),
    }));
  });
  t.same(await faultsOf(requests, (sent) => isLink(sent) || isTrail(sent)), []);
  t.ok(requests.length > 500);
});

t.test('nonsense in a query is refused or without effect, never an error of ours', async (t) => {
  const requests = operations
    .filter(({ method, name }) => method === 'GET' && !name.includes('/r/'))
    .flatMap(({ name }) => {
      const path = (name.split(' ')[1] ?? '').replaceAll(/\{[^}]+\}/g, randomUUID());
      return HOSTILE_QUERIES.map((query) => ({ method: 'GET', path: `${path}?${query}` }));
    });
  t.same(await faultsOf(requests, isSearch), []);
});

t.test('nonsense in a body is a 4xx problem on every route', async (t) => {
  const requests = operations
    .filter(({ method }) => method === 'POST' || method === 'PATCH')
    .flatMap(({ method, name }) => {
      const path = (name.split(' ')[1] ?? '').replaceAll(/\{[^}]+\}/g, randomUUID());
      return HOSTILE_BODIES.map((body) => ({ method, path, body }));
    });
  t.same(await faultsOf(requests, isLogout), []);
  t.ok(requests.length > 500);
});

t.test('no service called any of it an error', async (t) => {
  t.same(await platform.errors(), []);
});
