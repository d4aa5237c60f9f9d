/** YAML, by a package that takes longer to load than all the rest of us: a file of its own, read when it is needed. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageRoot } from '../host/native.js';

/** The value in YAML text. Throws Error that says what is wrong, and where. */
export function parseYaml(text: string): unknown {
  // made by scripts/bundle.mjs. By require() and not import(): who asks for a plan gets it, and no promise of one
  const { parse } = createRequire(join(packageRoot, 'dist/'))('./yaml.cjs') as {
    parse: (text: string) => unknown;
  };
  return parse(text);
}
