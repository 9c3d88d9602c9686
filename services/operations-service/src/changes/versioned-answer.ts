import { sendJsonText, successText, versionEtag } from '@tributary/http-kit';

interface Reply {
  header(name: string, value: string): unknown;
  send(payload: unknown): unknown;
}

/** Sends a record that Postgres has put together, with its version as `ETag`. */
export function sendRecord<Given extends Reply>(reply: Given, text: string): Given {
  const { version } = JSON.parse(text) as { version?: number };
  if (version !== undefined) reply.header('etag', versionEtag(version));
  return sendJsonText(reply, successText(text));
}
