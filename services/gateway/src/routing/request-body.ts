import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';

/** Bodies up to this length are read before they are sent on: one write instead of a stream, and they can be sent again. */
const MAX_BUFFERED_BYTES = 64 * 1024;

/** A body as it is handed to undici. A stream can be sent once. */
export type RequestBody = Buffer | Readable | null;

/**
 * Small bodies as a buffer, large ones and those of unknown length as a stream with back-pressure. Rejects
 * when the client breaks off while sending.
 */
export async function readBody(request: IncomingMessage): Promise<RequestBody> {
  if (Number(request.headers['content-length'] ?? Infinity) > MAX_BUFFERED_BYTES) {
    // Not the request itself: undici destroys a body that a service does not read to its end, and with it would go the
    // client's socket, before the client could read why.
    return request.pipe(new PassThrough());
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Most requests carry none, and need not wait for one. */
export function isBodyless({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return (length === undefined || length === '0') && headers['transfer-encoding'] === undefined;
}
