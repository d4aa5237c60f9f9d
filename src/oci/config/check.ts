/** Does an object have the form that a table of fields says, and does it ask for what is not handled? */
import { LaunchError } from '../../base/errors.js';
import { findNul } from '../../base/nul.js';
import type { Field, Fields } from './field.js';

const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
const isPath = (value: unknown): boolean => isText(value) && value.startsWith('/');
const areAll = (value: unknown, is: (each: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(is);
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The name of each form in messages, and whether a value has that form. */
const forms: Readonly<Record<Extract<Field['form'], string>, [string, (value: unknown) => boolean]>> = {
  text: ['text', isText],
  path: ['an absolute path', isPath],
  flag: ['true or false', (value) => typeof value === 'boolean'],
  count: ['a whole number', isCount],
  number: ['a whole number', (value) => Number.isInteger(value)],
  texts: ['a list of strings', (value) => areAll(value, isText)],
  paths: ['a list of absolute paths', (value) => areAll(value, isPath)],
  counts: ['a list of whole numbers', (value) => areAll(value, isCount)],
  assignments: [
    'a list of NAME=VALUE',
    (value) => areAll(value, (each) => isText(each) && each.indexOf('=') > 0),
  ],
  map: ['a map of strings', (value) => isObject(value) && Object.values(value).every(isText)],
  any: ['a value', () => true],
};

function wrong(place: string, expected: string, value: unknown): LaunchError {
  const shown = JSON.stringify(value) ?? 'nothing';
  return new LaunchError(`expected ${expected} at ${place}, got ${shown.slice(0, 200)}`);
}

/** Whether a value asks for something: empty objects, 0 and false do not. */
function asks(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(asks);
  if (isObject(value)) return Object.values(value).some(asks);
  return value !== undefined && value !== null && value !== '' && value !== 0 && value !== false;
}

function checkHandling(
  value: unknown,
  { handling = 'done', each }: Field,
  place: string,
  isRoot: boolean,
): readonly string[] {
  // a name alone asks for something
  const asked = each && isObject(value) ? Object.keys(value).length > 0 : asks(value);
  if (handling === 'done' || !asked) return [];
  if ('refused' in handling) throw new LaunchError(`${place} is refused: ${handling.refused}`);
  return handling.rootOnly && !isRoot ? [] : [`${place}: ${handling.warned}`];
}

function checkEach(value: unknown, form: Fields, place: string, isRoot: boolean): readonly string[] {
  if (!isObject(value)) throw wrong(place, 'an object', value);
  return Object.entries(value).flatMap(([name, each]) => checkFields(each, form, `${place}.${name}`, isRoot));
}

function checkValue(value: unknown, field: Field, place: string, isRoot: boolean): readonly string[] {
  const { form, list, each: named, values } = field;
  if (typeof form === 'object') {
    if (named) return checkEach(value, form, place, isRoot);
    if (list && !Array.isArray(value)) throw wrong(place, 'a list', value);
    return (list ? (value as unknown[]) : [value]).flatMap((each, at) =>
      checkFields(each, form, list ? `${place}[${at}]` : place, isRoot),
    );
  }
  const [expected, has] = forms[form];
  if (!has(value)) throw wrong(place, expected, value);
  const unknown = values && [value].flat().find((each) => !values.includes(each as string));
  if (unknown !== undefined) throw wrong(place, `one of ${values?.filter(Boolean).join(', ')}`, unknown);
  const nul = findNul({ [place]: value as never });
  if (nul !== undefined) throw new LaunchError(`NUL in ${place}`);
  return [];
}

/**
 * `isRoot`: of the machine. Throws LaunchError for a value of another form, and for one that asks for what is refused. Returns warnings. Unknown
 * fields are ignored, as the specification wants it; null counts as absent.
 */
export function checkFields(
  value: unknown,
  fields: Fields,
  place: string,
  isRoot = false,
): readonly string[] {
  if (!isObject(value)) throw wrong(place, 'an object', value);
  const missing = Object.entries(fields).find(([name, { required }]) => required && value[name] == null);
  if (missing) throw new LaunchError(`${place} has no ${missing[0]}`);
  return Object.entries(value).flatMap(([name, each]) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined || each === null) return [];
    const below = `${place}.${name}`;
    return [...checkHandling(each, field, below, isRoot), ...checkValue(each, field, below, isRoot)];
  });
}
