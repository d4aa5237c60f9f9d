/** JSON that comes from outside: read by paths, with the type that is wanted, or refused by name. */
import { LaunchError } from '../base/errors.js';

export type Json = Readonly<Record<string, unknown>>;

/** An object. `what` names it in errors. */
export function parseObject(text: string, what: string): Json {
  return asObject(parse(text, what), what);
}

export function parseArray(text: string, what: string): readonly unknown[] {
  return asArray(parse(text, what), what);
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new LaunchError(`${what} is not JSON`);
  }
}

export function asObject(value: unknown, what: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new LaunchError(`${what} is not a JSON object`);
}

/** An absent one is empty. */
export function asArray(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new LaunchError(`${what} is not a list`);
}

export function asTexts(value: unknown, what: string): readonly string[] {
  return asArray(value, what).map((each) => asText(each, what));
}

export function asText(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new LaunchError(`${what} is not text`);
}

/** Whatever is not text counts as absent. */
export function textIn(object: Json, key: string): string | undefined {
  const value = object[key];
  return typeof value === 'string' ? value : undefined;
}
