/** YAML, by a package that takes longer to load than all the rest of us: a part of its own, loaded when it is needed. */
import { native } from '../host/native.js';

/** The value in YAML text. Throws Error that says what is wrong, and where. */
export function parseYaml(text: string): unknown {
  const { parse } = native.load('yaml') as typeof import('yaml');
  // its warnings go to a console, which a library has not
  return parse(text, { logLevel: 'error' });
}
