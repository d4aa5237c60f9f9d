/**
 * Values of variables are often secrets, and a remembered plan is on disk: it refers to values that the command line
 * and CH_RUN_SET_ENV set, and does not contain them. The launcher recognizes the same arguments by their form
 * (addon/launcher/memo/value_words.cc).
 */
import type { Entry } from '../../config/entry.js';
import { settingVariables } from '../../host/secrets.js';
import type { EnterStep, LaunchPlan } from '../../plan/launch-plan.js';

type Reference = Extract<EnterStep, { action: 'set-word' | 'set-variable' }>;
type Place = { readonly action: 'set-word' } | { readonly action: 'set-variable'; readonly name: string };

/** --set-env=NAME=VALUE, shortened or not, by its form alone. */
const valueWord = /^--set-e[^=]*=([^=]+=.*)$/s;

const itemsOf = (text: string) => text.split(';').filter((item) => item.includes('='));

/**
 * The plan with references instead of values. `words` are the arguments under which it is remembered. Undefined if it
 * is uncertain which step belongs to which argument: such a plan is not remembered.
 */
export function referToValues(
  plan: LaunchPlan,
  entries: readonly Entry[],
  words: readonly string[],
  environment: ReadonlyMap<string, string>,
): LaunchPlan | undefined {
  const found: readonly [string, Place, number][] = [
    ...words
      .flatMap((word) => valueWord.exec(word)?.[1] ?? [])
      .map((text, at): [string, Place, number] => [text, { action: 'set-word' }, at]),
    ...settingVariables.flatMap((name) =>
      itemsOf(environment.get(name) ?? '').map((text, at): [string, Place, number] => [
        text,
        { action: 'set-variable', name },
        at,
      ]),
    ),
  ];
  const set = plan.enter.flatMap((step) =>
    'action' in step && step.action === 'set' ? [step.assignment] : [],
  );
  const texts = found.map(([text]) => text);
  if (
    !areSame(texts, assignmentsOf(entries)) ||
    !areSame(
      texts,
      set.filter((text) => texts.includes(text)),
    )
  )
    return undefined;
  const references = new Map<string, readonly [Place, number]>(
    found.map(([text, place, at]) => [text, [place, at]]),
  );
  if (references.size < texts.length) return undefined;
  const enter = plan.enter.map((step) => {
    const reference = 'action' in step && step.action === 'set' ? references.get(step.assignment) : undefined;
    if (reference === undefined || !('expand' in step)) return step;
    const [place, index] = reference;
    return { kind: 'environment', ...place, index, expand: step.expand } satisfies Reference;
  });
  return { ...plan, enter };
}

/** The assignments in the command line and in variables. */
function assignmentsOf(entries: readonly Entry[]): readonly string[] {
  return entries.flatMap(({ option, value, source }) =>
    (option === 'set-env' || option === 'set-env0') && source.kind !== 'file' && String(value).includes('=')
      ? [String(value)]
      : [],
  );
}

function areSame(some: readonly string[], others: readonly string[]): boolean {
  const sorted = others.toSorted();
  return some.length === others.length && some.toSorted().every((text, at) => text === sorted[at]);
}
