import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

import type { ApiDocument } from './bad-input.ts';

/** What came back, as it stood on the wire. */
export interface WireAnswer {
  readonly status: number;
  /** `content-type`, empty when there was none. */
  readonly type: string;
  readonly text: string;
}

interface DocumentedResponse {
  readonly content?: Readonly<Record<string, unknown>>;
}

const inPointer = (part: string): string =>
  encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));

/**
 * Compares answers with the document: the status, the content type and the body must be among those documented.
 * The answer of what it makes says what is wrong; undefined when nothing is.
 */
export function answerChecker(document: ApiDocument) {
  const ajv = new Ajv2020({ strict: false, validateFormats: true });
  addFormats.default(ajv);
  ajv.addSchema(document, 'api', false, false);
  const compiled = new Map<string, ValidateFunction>();

  function validatorAt(parts: readonly string[]): ValidateFunction {
    const pointer = `api#/${parts.map(inPointer).join('/')}`;
    const known = compiled.get(pointer) ?? ajv.compile({ $ref: pointer });
    compiled.set(pointer, known);
    return known;
  }

  return function faultIn(method: string, template: string, answer: WireAnswer): string | undefined {
    const operation = document.paths[template]?.[method.toLowerCase()];
    const response: DocumentedResponse | undefined = operation?.responses[answer.status];
    if (response === undefined) return `${answer.status} is not documented: ${answer.text.slice(0, 300)}`;
    if (response.content === undefined || method === 'HEAD')
      return answer.text === '' ? undefined : `${answer.status} has a body`;
    const type = answer.type.split(';', 1)[0] ?? '';
    if (!(type in response.content))
      return `${answer.status} is "${type}", not ${Object.keys(response.content).join()}`;
    if (!type.endsWith('json')) return undefined;
    const place = [
      'paths',
      template,
      method.toLowerCase(),
      'responses',
      String(answer.status),
      'content',
      type,
      'schema',
    ];
    const validate = validatorAt(place);
    if (validate(JSON.parse(answer.text))) return undefined;
    return `${answer.status} differs from its schema: ${ajv.errorsText(validate.errors)}: ${answer.text.slice(0, 300)}`;
  };
}
