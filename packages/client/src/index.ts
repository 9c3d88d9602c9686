import createFetchClient, { type Client, type ClientOptions } from 'openapi-fetch';

import type { components, paths } from './api-types.ts';

/** What every refused request is answered with (RFC 9457); `code` says which error it is. */
export type Problem = components['schemas']['Problem'];

/** Calls by method, path and what the document says goes in and comes out. */
export type TributaryClient = Client<paths>;

export interface TributaryClientOptions extends Pick<ClientOptions, 'fetch' | 'headers'> {
  /** Where the gateway is, e.g. `https://partners.example.com`. */
  readonly baseUrl: string;
  /**
   * An access token or an API key, sent as `Authorization: Bearer`; asked for before every request when it is a
   * function, so that a token can be renewed. Without one only public routes answer.
   */
  readonly token?: string | (() => string | Promise<string>);
}

/**
 * A client of the API. Its calls answer `{ data, response }` for 2xx and `{ error, response }`, typed as a `Problem`,
 * for everything else; they throw only when there was no answer at all.
 */
export function createTributaryClient({ token, ...options }: TributaryClientOptions): TributaryClient {
  const client = createFetchClient<paths>(options);
  if (token !== undefined) {
    client.use({
      async onRequest({ request }) {
        request.headers.set('authorization', `Bearer ${typeof token === 'string' ? token : await token()}`);
        return request;
      },
    });
  }
  return client;
}

export type { components, operations, paths } from './api-types.ts';
