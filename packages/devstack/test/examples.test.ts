import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import t from 'tap';
import { z } from 'zod';

import { startPlatform } from './platform.ts';

const example = z.union([z.object({ $ref: z.string() }), z.object({ value: z.unknown() })]);
const content = z.record(
  z.string(),
  z.object({ schema: z.unknown(), examples: z.record(z.string(), example).optional() }),
);
const documentSchema = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        operationId: z.string(),
        requestBody: z.object({ content }).optional(),
        responses: z.record(z.string(), z.object({ content: content.optional() })),
      }),
    ),
  ),
  components: z.object({ examples: z.record(z.string(), z.object({ value: z.unknown() })) }),
});

const platform = await startPlatform(t);
const raw: object = JSON.parse(await (await fetch(`${platform.gatewayUrl}/openapi.json`)).text());
const document = documentSchema.parse(raw);
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ ...operation, path, method })),
);
const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);
ajv.addSchema(raw, 'api', false, false);

const inPointer = (part: string): string =>
  encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));

/** Every body of an operation, with where it stands in the document. */
function bodiesOf({ path, method, requestBody, responses }: (typeof operations)[number]) {
  const place = ['paths', path, method];
  const all = [
    { place: [...place, 'requestBody'], isSuccess: true, content: requestBody?.content },
    ...Object.entries(responses).map(([status, response]) => ({
      place: [...place, 'responses', status],
      isSuccess: status.startsWith('2'),
      content: response.content,
    })),
  ];
  return all.flatMap(({ content = {}, ...body }) =>
    Object.entries(content).map(([type, { examples = {} }]) => ({
      ...body,
      place: [...body.place, 'content', type, 'schema'],
      examples: Object.values(examples),
    })),
  );
}

t.test('every operation shows what is sent and what comes back', async (t) => {
  t.ok(operations.length > 70);
  for (const operation of operations) {
    const bodies = bodiesOf(operation);
    const bare = bodies.filter(({ examples, isSuccess }) => isSuccess && examples.length === 0);
    t.same(bare, [], operation.operationId);
    const answers = Object.keys(operation.responses).filter((status) => status < '400');
    t.ok(answers.length > 0, operation.operationId);
  }
});

t.test('every example is valid against its own schema', async (t) => {
  const faults: string[] = [];
  let checked = 0;
  for (const { place, examples } of operations.flatMap(bodiesOf)) {
    const validate = ajv.compile({ $ref: `api#/${place.map(inPointer).join('/')}` });
    for (const shown of examples) {
      const name = '$ref' in shown ? shown.$ref.replace('#/components/examples/', '') : undefined;
      const { value } =
        name === undefined ? { value: undefined, ...shown } : (document.components.examples[name] ?? {});
      checked += 1;
      if (!validate(value)) faults.push(`${place.join(' ')}: ${ajv.errorsText(validate.errors)}`);
    }
  }
  t.same(faults, []);
  t.ok(checked > 500, `${checked} examples`);
});

t.test('one story: what one example names, another shows under the same id', async (t) => {
  const shown = (path: string, method: string, status: string): unknown => {
    const [found] = Object.values(
      document.paths[path]?.[method]?.responses[status]?.content?.['application/json']?.examples ?? {},
    );
    return found !== undefined && 'value' in found ? found.value : undefined;
  };
  const identified = z.object({ data: z.looseObject({ id: z.string() }) });
  const partner = identified.parse(shown('/api/v1/partners/{id}', 'get', '200'));
  const commission = identified.parse(shown('/api/v1/operations/commissions/{id}', 'get', '200'));
  t.equal(commission.data['partnerId'], partner.data.id);
});
