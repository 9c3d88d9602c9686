import { confirmDueChunk } from '@tributary/commissions';

import { balancesOf } from './balances.ts';
import { assertSame, expectedBooks, readBooks, sameAs } from './compare.ts';
import type { Action, Operation } from './operations.ts';
import { contextOf, depsOf, type Programme } from './programme.ts';
import { confirmDue } from './rules.ts';
import { prepare, type Step } from './steps.ts';

type Answer = Awaited<ReturnType<Step['perform']>>;

/** Carries an operation out in the programme and in the model, and throws where they differ. Answers how many actions it was. */
export async function carryOut(programme: Programme, operation: Operation): Promise<number> {
  if (operation.do === 'confirm due') {
    await confirmDueAfter(programme, operation.afterDays);
    return 1;
  }
  if (operation.do === 'at once') {
    await carryOutAtOnce(programme, operation.actions);
    return operation.actions.length;
  }
  const step = prepare(programme, operation, 0);
  const answer = await step.perform();
  assertSame(answer.outcome, step.apply(programme.state, answer), step.does);
  return 1;
}

async function confirmDueAfter(programme: Programme, days: number): Promise<void> {
  const { state } = programme;
  if (days > 0) programme.pastBalances.push({ day: state.day, balances: balancesOf(programme) });
  state.day += days;
  const expected = confirmDue(state);
  const { confirmed } = await confirmDueChunk(depsOf(programme), contextOf(programme), 1_000);
  assertSame(confirmed, expected, 'confirm due');
}

/**
 * Several actors at once: what comes of it must be what one after the other would have brought, in some order. The order is
 * found by trying them all on copies of the model. Who gave up because others were faster has changed nothing.
 */
async function carryOutAtOnce(programme: Programme, actions: readonly Action[]): Promise<void> {
  const steps = actions.map((action, actor) => prepare(programme, action, actor));
  const answers = await Promise.all(steps.map(async (step) => ({ step, answer: await step.perform() })));
  const effective = answers.filter(({ answer }) => answer.outcome !== 'contended');
  const books = await readBooks(programme);
  const { state } = programme;
  for (const order of permutations(effective)) {
    const copy = structuredClone(state);
    if (!order.every(({ step, answer }) => step.apply(copy, answer) === answer.outcome)) continue;
    if (!sameAs(books, expectedBooks({ ...programme, state: copy }))) continue;
    programme.state = copy;
    return;
  }
  throw new Error(`no order of these actions explains what they did: ${describe(answers)}`);
}

const describe = (answers: readonly { step: Step; answer: Answer }[]): string =>
  answers.map(({ step, answer }) => `${step.does} ${answer.outcome}`).join(', ');

function* permutations<Item>(items: readonly Item[]): Generator<Item[]> {
  if (items.length === 0) yield [];
  for (const [index, item] of items.entries()) {
    for (const rest of permutations(items.toSpliced(index, 1))) yield [item, ...rest];
  }
}
