/** Whether JSON is valid by a JSON schema (draft 4, as far as the OCI runtime specification needs it). */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

// biome-ignore lint/suspicious/noExplicitAny: JSON
type Json = any;

const files = new Map<string, Json>();

function read(file: string): Json {
  if (!files.has(file)) files.set(file, JSON.parse(readFileSync(file, 'utf8')));
  return files.get(file);
}

const typeOf = (value: Json) =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'array'
      : Number.isInteger(value)
        ? 'integer'
        : typeof value;

/** The errors, each with its place; `known`: the supported keywords, so that no other is ignored silently. */
const known = [
  ...['$ref', 'type', 'enum', 'pattern', 'minimum', 'maximum', 'minLength', 'minItems', 'items', 'required'],
  ...['properties', 'patternProperties', 'additionalProperties', 'allOf', 'anyOf', 'oneOf', 'not'],
];
const said = ['description', 'id', '$schema', 'definitions', 'uniqueItems', 'title', 'media'];

/** `file`: the path of the schema. Returns the errors, each with its place. */
export function faultsOf(value: Json, file: string, schema: Json = read(file), place = '$'): string[] {
  const below = (each: Json, part: Json, name: string) => faultsOf(each, file, part, `${place}${name}`);
  if (schema.$ref !== undefined) {
    const [name, path = ''] = schema.$ref.split('#');
    const where = name ? join(dirname(file), name) : file;
    const found = path
      .split('/')
      .filter(Boolean)
      .reduce((part: Json, key: string) => part[key], read(where));
    return faultsOf(value, where, found, place);
  }
  const faults: string[] = [];
  const unless = (is: boolean, what: string) => is || faults.push(`${place}: ${what}`);
  for (const word of Object.keys(schema)) {
    // the specification's files have fields of objects beside `type` in some places
    if (![...known, ...said].includes(word))
      unless(typeof schema[word] === 'object', `unknown keyword ${word}`);
  }
  const type = typeOf(value);
  const types: string[] = schema.type === undefined ? [] : [schema.type].flat();
  unless(
    types.length === 0 || types.includes(type) || (type === 'integer' && types.includes('number')),
    `${type} instead of ${types}`,
  );
  unless(schema.enum?.includes(value) ?? true, `not one of ${schema.enum}`);
  if (type === 'string') {
    unless(
      schema.pattern === undefined || new RegExp(schema.pattern).test(value),
      `not like ${schema.pattern}`,
    );
    unless(value.length >= (schema.minLength ?? 0), 'too short');
  }
  if (type === 'integer' || type === 'number')
    unless(value >= (schema.minimum ?? -Infinity) && value <= (schema.maximum ?? Infinity), 'out of range');
  if (type === 'array') {
    unless(value.length >= (schema.minItems ?? 0), 'too few');
    if (schema.items)
      for (const [at, each] of value.entries()) faults.push(...below(each, schema.items, `[${at}]`));
  }
  if (type === 'object') {
    for (const name of schema.required ?? []) unless(Object.hasOwn(value, name), `${name} is missing`);
    for (const [name, each] of Object.entries(value)) {
      const parts = [
        schema.properties?.[name],
        ...Object.entries(schema.patternProperties ?? {})
          .filter(([pattern]) => new RegExp(pattern).test(name))
          .map(([, part]) => part),
      ].filter((part) => part !== undefined);
      for (const part of parts) faults.push(...below(each, part, `.${name}`));
      if (parts.length === 0) unless(schema.additionalProperties !== false, `${name} is unknown`);
    }
  }
  const fits = (part: Json) => faultsOf(value, file, part, place).length === 0;
  for (const part of schema.allOf ?? []) faults.push(...faultsOf(value, file, part, place));
  unless(schema.anyOf?.some(fits) ?? true, 'fits none of anyOf');
  unless(schema.oneOf === undefined || schema.oneOf.filter(fits).length === 1, 'fits not one of oneOf');
  unless(schema.not === undefined || !fits(schema.not), 'fits what it must not');
  return faults;
}
