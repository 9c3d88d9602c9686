// Receivers of webhooks of three kinds, in one process: `/ok/...` answers at once, `/hang/...` never, `/drip/...` with a byte a second.
import { createServer, type ServerResponse } from 'node:http';

/** When each webhook-id came first, in milliseconds of the epoch with fractions; drained by GET /arrivals. */
let arrivals: [id: string, at: number][] = [];
const seen = new Set<string>();
let repeated = 0;

function note(id: string): void {
  if (seen.has(id)) {
    repeated += 1;
    return;
  }
  seen.add(id);
  arrivals.push([id, performance.timeOrigin + performance.now()]);
}

function drip(response: ServerResponse): void {
  response.writeHead(200).flushHeaders();
  const timer = setInterval(() => response.write('.'), 1_000);
  response.once('close', () => clearInterval(timer));
}

function say(response: ServerResponse, answer: object): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(answer));
}

const server = createServer((request, response) => {
  const { url = '' } = request;
  request.resume();
  if (url.startsWith('/ok/')) {
    request.once('end', () => {
      note(String(request.headers['webhook-id']));
      response.end();
    });
    return;
  }
  if (url.startsWith('/drip/')) drip(response);
  else if (url === '/count') say(response, { distinct: seen.size, repeated });
  else if (url === '/arrivals') {
    say(response, arrivals);
    arrivals = [];
  } else if (url === '/health/ready') say(response, {});
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.env['PORT']), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
