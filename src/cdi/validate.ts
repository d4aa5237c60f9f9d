/** Is this a CDI specification? */

import { findNul } from '../base/nul.js';
import { type Field, type Fields, specFields, versions } from './fields.js';
import { isDeviceName, isKind } from './names.js';
import type { Spec } from './spec.js';

const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
const areAll = (value: unknown, is: (each: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(is);
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The name of each form in messages, and whether a value has that form. */
const forms: Readonly<Record<Extract<Field['form'], string>, [string, (value: unknown) => boolean]>> = {
  text: ['text', isText],
  path: ['an absolute path', (value) => isText(value) && value.startsWith('/')],
  count: ['a whole number', isCount],
  flag: ['true or false', (value) => typeof value === 'boolean'],
  texts: ['a list of strings', (value) => areAll(value, isText)],
  assignments: [
    'a list of NAME=VALUE',
    (value) => areAll(value, (each) => isText(each) && each.indexOf('=') > 0),
  ],
  counts: ['a list of whole numbers', (value) => areAll(value, isCount)],
  map: ['a map of strings', (value) => isObject(value) && Object.values(value).every(isText)],
};

function wrong(place: string, expected: string, value: unknown): Error {
  return new Error(`expected ${expected} at ${place}, got ${JSON.stringify(value)}`);
}

function checkValue(value: unknown, field: Field, place: string, version: string): void {
  const { form, list, values } = field;
  if (typeof form === 'object') {
    if (list && !Array.isArray(value)) throw wrong(place, 'a list', value);
    for (const [at, each] of (list ? (value as unknown[]) : [value]).entries()) {
      checkObject(each, form, list ? `${place}[${at}]` : place, version);
    }
    return;
  }
  const [expected, has] = forms[form];
  if (!has(value)) throw wrong(place, expected, value);
  if (values && !values.includes(value as string)) {
    throw wrong(place, `one of ${values.filter((each) => each).join(', ')}`, value);
  }
}

/** Empty values count as absent, as in the programs that write and read such files. */
function checkObject(value: unknown, fields: Fields, place: string, version: string): void {
  if (!isObject(value)) throw wrong(place || 'the top', 'an object', value);
  const below = (name: string) => (place ? `${place}.${name}` : name);
  for (const [name, each] of Object.entries(value)) {
    const field = fields[name];
    if (field === undefined) throw new Error(`unknown field ${below(name)}`);
    if (each === null || each === undefined) continue;
    if (field.since) requireVersion(version, field.since, below(name));
    checkValue(each, field, below(name), version);
  }
  for (const [name, { required }] of Object.entries(fields)) {
    if (required && (value[name] ?? '') === '') throw new Error(`${below(name)} is missing`);
  }
}

function requireVersion(version: string, since: string, what: string): void {
  if (versions.indexOf(version) >= versions.indexOf(since)) return;
  throw new Error(`${what} needs cdiVersion ${since}, the file says ${version}`);
}

function checkNames({ cdiVersion, kind, devices }: Spec): void {
  if (!isKind(kind)) throw wrong('kind', 'vendor.com/class', kind);
  if (kind.slice(kind.indexOf('/')).includes('.')) requireVersion(cdiVersion, '0.6.0', 'a dot in the class');
  if (devices.length === 0) throw new Error('devices is empty');
  const seen = new Set<string>();
  devices.forEach(({ name }, at) => {
    if (!isDeviceName(name)) throw wrong(`devices[${at}].name`, 'a name of letters, digits and _-.:', name);
    if (!/^[A-Za-z]/.test(name)) requireVersion(cdiVersion, '0.5.0', `the device name ${name}`);
    if (seen.has(name)) throw new Error(`device ${name} is defined twice`);
    seen.add(name);
  });
}

/** Removes `null`s and the alternative spelling of one field. */
function normalize(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalize);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== null)
      .map(([name, each]) => [name === 'additionalGIDs' ? 'additionalGids' : name, normalize(each)]),
  );
}

/** The content of a specification file, checked and typed. Throws Error that says what is wrong, and where. */
export function validateSpec(content: unknown): Spec {
  const nul = findNul(content);
  if (nul !== undefined) throw new Error(`NUL in ${nul}`);
  const spec = normalize(content);
  const version = isObject(spec) && isText(spec.cdiVersion) ? spec.cdiVersion.replace(/^v/, '') : '';
  const plain = isObject(spec) ? { ...spec, ...(version ? { cdiVersion: version } : {}) } : spec;
  checkObject(plain, specFields, '', version);
  checkNames(plain as unknown as Spec);
  return plain as unknown as Spec;
}
