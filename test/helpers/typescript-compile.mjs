// The TypeScript of tests and src/, compiled one file at a time and kept. As a program it compiles all that has changed.
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';

const checkout = join(import.meta.dirname, '../..');
const kept = join(checkout, 'build/test/typescript');

/** When a file was modified last, in milliseconds, rounded since utimes(2) may lose a fraction; undefined if there is none. */
const modified = (path) => {
  const mtime = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return mtime && Math.round(mtime);
};

async function compile(path, file, time) {
  const { default: typescript } = await import('typescript');
  const { outputText } = typescript.transpileModule(readFileSync(path, 'utf8'), {
    fileName: path,
    compilerOptions: {
      target: 'es2023',
      module: 'esnext',
      verbatimModuleSyntax: true,
      inlineSourceMap: true,
    },
  });
  mkdirSync(kept, { recursive: true });
  // other test files may compile the same
  const own = `${file}.${process.pid}`;
  writeFileSync(own, outputText);
  utimesSync(own, new Date(time), new Date(time));
  renameSync(own, file);
  return outputText;
}

/** The JavaScript of a file. */
export async function compiled(path) {
  const file = join(kept, `${relative(checkout, path).replaceAll('/', '-')}.js`);
  const time = modified(path);
  return modified(file) === time ? readFileSync(file, 'utf8') : compile(path, file, time);
}

if (import.meta.filename === process.argv[1])
  for (const folder of ['src', 'test'])
    for (const name of readdirSync(join(checkout, folder), { recursive: true }))
      if (name.endsWith('.ts')) await compiled(join(checkout, folder, name));
