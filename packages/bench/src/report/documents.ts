/**
 * Puts a text between the comments `<!-- figures:NAME -->` and `<!-- /figures:NAME -->` of a document.
 * @throws when the document has no such place
 */
export function placeFigures(document: string, name: string, text: string): string {
  const [open, close] = [`<!-- figures:${name} -->`, `<!-- /figures:${name} -->`];
  const from = document.indexOf(open);
  const to = document.indexOf(close);
  if (from === -1 || to < from) throw new Error(`The document has no place for ${name}.`);
  return `${document.slice(0, from + open.length)}\n\n${text}\n\n${document.slice(to)}`;
}
