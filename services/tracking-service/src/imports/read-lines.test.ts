import * as fc from 'fast-check';
import t from 'tap';
import { csvFields, csvValues } from './csv.ts';
import { LineTooLongError, MAX_LINE_CHARACTERS, readLines } from './read-lines.ts';

async function* inPieces(text: string, size: number): AsyncIterable<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const quote = (field: string): string => `"${field.replaceAll('"', '""')}"`;

t.test('CSV comes out as it went in, however it is cut', async (t) => {
  const field = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', ' ', '😀') });
  const record = fc.array(field, { minLength: 2, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.array(record), fc.integer({ min: 1, max: 9 }), async (records, size) => {
      const text = records.map((fields) => fields.map(quote).join(',')).join('\r\n');
      const read: (readonly string[] | undefined)[] = [];
      const starts: number[] = [];
      for await (const { line, text: record } of readLines(inPieces(text, size), { quoted: true })) {
        read.push(csvFields(record));
        starts.push(line);
      }
      let next = 1;
      const expected = records.map((fields) => {
        const start = next;
        next += 1 + fields.join('').split('\n').length - 1;
        return start;
      });
      return JSON.stringify(read) === JSON.stringify(records) && String(starts) === String(expected);
    }),
  );
  t.pass('holds');
});

t.test('blank lines are passed over and counted; a byte order mark is no field', async (t) => {
  const lines: unknown[] = [];
  for await (const line of readLines(inPieces('\uFEFF{}\r\n\n  \n[1]', 4), { quoted: false }))
    lines.push(line);
  t.same(lines, [
    { line: 1, text: '{}' },
    { line: 4, text: '[1]' },
  ]);
});

t.test('a line without end is refused before it fills the memory', async (t) => {
  const endless = async (quoted: boolean): Promise<void> => {
    const text = `short\n"${'x'.repeat(MAX_LINE_CHARACTERS)}`;
    for await (const line of readLines(inPieces(text, 10_000), { quoted })) t.equal(line.text, 'short');
  };
  await t.rejects(endless(false), new LineTooLongError(2));
  await t.rejects(endless(true), new LineTooLongError(2));
});

t.test('fields get their types; what has none of them stays text', async (t) => {
  const header = ['orderId', 'orderAmount', 'confirmed', 'metadata', 'quantity', 'currency'];
  const fields = csvFields('12,99.50,TRUE,"{""a"":1}",many,') ?? [];
  t.strictSame(csvValues(header, fields), {
    orderId: '12',
    orderAmount: 99.5,
    confirmed: true,
    metadata: { a: 1 },
    quantity: 'many',
  });
  t.equal(csvFields('a,"b'), undefined);
  t.equal(csvFields('a"b,c'), undefined);
  t.equal(csvFields('"a"b,c'), undefined);
});
