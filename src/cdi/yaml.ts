/** YAML, parsed by a package that takes longer to load than the rest of the CLI: a separate part, loaded on demand. */
import { native } from '../host/native.js';

/** The value in YAML text. Throws Error that says what is wrong, and where. */
export function parseYaml(text: string): unknown {
  const { parse } = native.load('yaml') as typeof import('yaml');
  // its warnings go to a console, which a library does not have
  return parse(text, { logLevel: 'error' });
}
