/**
 * What a visitor sees whose link names nobody. It repeats nothing of the request.
 * @param home the programme's own page; a parsed address, which holds no quotation mark or angle bracket
 */
export function unknownLinkPage(home: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>Link not found</title>
<h1>Link not found</h1>
<p>This link is mistyped or no longer exists. You can still <a rel="noreferrer" href="${home.replaceAll('&', '&amp;')}">go to the shop</a>.</p>
</html>
`;
}
