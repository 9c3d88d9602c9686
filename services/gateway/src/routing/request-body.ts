import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { AppError, commonErrors } from '@tributary/http-kit';

/** Bodies up to this length are read before they are sent on: one write instead of a stream, and they can be sent again. */
const MAX_BUFFERED_BYTES = 64 * 1024;
/** What services accept as JSON. Refused here, since a service that refuses it while it still comes may cut the connection. */
const MAX_JSON_BYTES = 1024 * 1024;

/** A body as it is handed to undici. A stream can be sent once. */
export type RequestBody = Buffer | Readable | null;

/**
 * Small bodies as a buffer, large ones and those of unknown length as a stream with back-pressure. Rejects
 * when the client breaks off while sending.
 */
export async function readBody(request: IncomingMessage): Promise<RequestBody> {
  const length = request.headers['content-length'];
  const isJson = /\bjson\b/i.test(request.headers['content-type'] ?? '');
  if (isJson && Number(length ?? 0) > MAX_JSON_BYTES) throw tooLarge();
  // JSON of unknown length is always read, to know its length.
  const isBuffered = length === undefined ? isJson : Number(length) <= MAX_BUFFERED_BYTES;
  if (isBuffered) return readWhole(request);
  return readBeginning(request);
}

/**
 * A body once it has begun: undici sends no head before it either, and whatever is signed for the head would grow old. Not
 * the request itself: undici destroys a body that a service does not read to its end, and with it would go the client's
 * socket, before the client could read why.
 */
function readBeginning(request: IncomingMessage): Promise<Readable> {
  const body = request.pipe(new PassThrough());
  return new Promise((resolve, reject) => {
    const begin = () => resolve(body);
    request.once('data', begin);
    request.once('end', begin);
    request.once('close', () => reject(new Error('The client left before its body began')));
  });
}

async function readWhole(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const iterator = request.iterator({ destroyOnReturn: false });
  for await (const chunk of iterator) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > MAX_JSON_BYTES) throw tooLarge();
  }
  return Buffer.concat(chunks);
}

function tooLarge(): AppError {
  return new AppError(commonErrors.BODY_TOO_LARGE, `A JSON body may have ${MAX_JSON_BYTES} bytes`, {
    headers: { connection: 'close' },
  });
}

/** Most requests carry none, and need not wait for one. */
export function isBodyless({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return (length === undefined || length === '0') && headers['transfer-encoding'] === undefined;
}
