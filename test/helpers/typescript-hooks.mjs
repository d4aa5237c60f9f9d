// What Node asks when a test imports something: where a module is, and what is in it.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compiled } from './typescript-compile.mjs';

/** As TypeScript resolves it: what is called .js here is .ts on disk, except for what is built. */
export function resolve(name, context, next) {
  if (/^\..*\.js$/.test(name) && context.parentURL?.endsWith('.ts')) {
    const source = new URL(name.replace(/js$/, 'ts'), context.parentURL);
    if (existsSync(fileURLToPath(source))) return next(source.href, context);
  }
  return next(name, context);
}

export async function load(url, context, next) {
  if (!/^file:.*\.ts$/.test(url)) return next(url, context);
  return { format: 'module', source: await compiled(fileURLToPath(url)), shortCircuit: true };
}
