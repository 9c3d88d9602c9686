// Loaded before a service (`node --import`), it makes of the same code a worse release: some of its answers are errors
// (FAULT_ERRORS, of a thousand), or all of them are late (FAULT_DELAY_MS). Probes, scrapes and documents are left alone.
import { type IncomingMessage, Server, type ServerResponse } from 'node:http';

const errors = Number(process.env['FAULT_ERRORS'] ?? 0);
const delayMs = Number(process.env['FAULT_DELAY_MS'] ?? 0);
const SPARED = /^\/(health|internal|metrics)/;
let seen = 0;

function isFailing(): boolean {
  seen += 1;
  // Evenly spread, so that the share is exact from the first hundred on.
  return (seen * errors) % 1_000 < errors;
}

const emit = Reflect.get(Server.prototype, 'emit') as (this: Server, ...args: unknown[]) => boolean;

Server.prototype.emit = function worse(this: Server, ...args: unknown[]): boolean {
  const [event, request, response] = args as [string, IncomingMessage, ServerResponse];
  if (event !== 'request' || SPARED.test(request.url ?? '')) return emit.apply(this, args);
  if (isFailing()) {
    request.resume();
    response.writeHead(500, { 'content-type': 'application/json' }).end('{"success":false}');
    return true;
  }
  if (delayMs === 0) return emit.apply(this, args);
  setTimeout(() => emit.apply(this, args), delayMs);
  return true;
};
