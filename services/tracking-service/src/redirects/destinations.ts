/** Decides where a tracking link leads. */
export interface Destinations {
  /** The address asked for when it is allowed, else the default one. */
  resolve(asked: string | undefined): URL;
}

const MAX_LENGTH = 2_048;
/** The origin of a `blob:` address is that of the page which made it, so the origin alone does not say what is opened. */
const SCHEMES = new Set(['https:', 'http:']);

/**
 * The origin, as the URL standard parses it, is compared with the list: whatever trick the text plays (backslashes,
 * credentials, other schemes, line breaks, look-alike hosts), what is judged is what a browser would open, and what is sent is the
 * parsed form and not the text.
 */
export function createDestinations(origins: readonly [string, ...string[]]): Destinations {
  const allowed = new Set(origins);
  const [standard] = origins;
  return {
    resolve(asked) {
      const url = asked === undefined || asked.length > MAX_LENGTH ? null : URL.parse(asked);
      if (url === null || !SCHEMES.has(url.protocol) || !allowed.has(url.origin)) return new URL(standard);
      // Credentials are no part of the origin, and have no business in a link.
      url.username = '';
      url.password = '';
      return url;
    },
  };
}

/** The destination with the click and the code, which replace what it may hold under these names. */
export function withClick(destination: URL, click: { readonly id: string; readonly code: string }): string {
  const url = new URL(destination);
  for (const name of ['click_id', 'ref']) {
    if (url.searchParams.has(name)) url.searchParams.delete(name);
  }
  // Appended as text: going through `searchParams` would rewrite the shop's own query (`%20` to `+`).
  const separator = url.search === '' ? '?' : '&';
  const own = `click_id=${encodeURIComponent(click.id)}&ref=${encodeURIComponent(click.code)}`;
  url.search = `${url.search}${separator}${own}`;
  return url.href;
}
