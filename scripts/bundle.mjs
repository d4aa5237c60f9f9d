// Bundles the command line interface: one script for every engine, with nothing of Node in it. What it asks of the
// machine goes through src/host/native.ts.
import { writeFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join, relative } from 'node:path';
import { build } from 'esbuild';
import { parts, programs } from './programs.mjs';

/** src/cli/parse.ts uses only the parser of yargs, which has an entry point without Node's modules. */
const parserAlone = {
  name: 'parser-alone',
  setup(builder) {
    builder.onResolve({ filter: /^yargs\/helpers$/ }, () => ({ path: 'yargs/helpers', namespace: 'parser' }));
    builder.onLoad({ filter: /.*/, namespace: 'parser' }, () => ({
      contents: "export { default as Parser } from 'yargs-parser/browser';",
      resolveDir: join(builder.initialOptions.absWorkingDir, 'node_modules/yargs'),
    }));
  },
};

/** An ECMAScript module, with a name for the address of its file. */
const common = {
  bundle: true,
  platform: 'neutral',
  mainFields: ['module', 'main'],
  conditions: ['browser'],
  target: 'es2022',
  format: 'esm',
  define: { 'import.meta.url': 'moduleUrl' },
  banner: { js: 'var moduleUrl;' },
  plugins: [parserAlone],
  logLevel: 'warning',
};

/**
 * The same as a script whose value is a function: called with the address of its file, where there is one, it returns
 * the exports. On the same lines.
 */
function toScript(text) {
  const [statement, names] = /^export \{([^}]*)\};$/m.exec(text);
  const members = names.replace(/(\w+) as (\w+)/g, '$2: $1');
  return `(function (moduleUrl) {"use strict";${text.replace(statement, `return {${members}};`)}})`;
}

/** Maps lines of the bundle to lines of the sources, for stack traces: as runs of consecutive lines. */
function writeLines(root, program, map, bundle) {
  const { sources } = JSON.parse(map);
  const table = new SourceMap(JSON.parse(map));
  const runs = [];
  for (const [at, text] of bundle.split('\n').entries()) {
    const entry = table.findEntry(at, text.search(/\S|$/));
    if (entry.originalSource === undefined || entry.generatedLine !== at) continue;
    const file = sources.indexOf(entry.originalSource);
    const { line, file: last, original } = runs.at(-1) ?? {};
    if (file === last && entry.originalLine + 1 - original === at + 1 - line) continue;
    runs.push({ line: at + 1, file, original: entry.originalLine + 1 });
  }
  const files = sources.map((source) => relative(root, join(root, 'dist', source)));
  // one string: cheaper to load than thousands of numbers
  const rows = runs.map(({ line, file, original }) => `${line}:${file}:${original}`).join(' ');
  writeFileSync(
    join(root, `dist/${program}-lines.bundle.js`),
    `(function () {return ${JSON.stringify({ files, rows })};})\n`,
  );
}

async function bundleProgram(root, { name, entry }) {
  const { outputFiles } = await build({
    ...common,
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: join(root, `dist/${name}.bundle.js`),
    sourcemap: 'external',
    write: false,
  });
  const [map, bundle] = outputFiles.map(({ text }) => text);
  writeFileSync(join(root, `dist/${name}.module.js`), bundle);
  writeFileSync(join(root, `dist/${name}.bundle.js`), toScript(bundle));
  writeLines(root, name, map, bundle);
}

/** Writes dist/cli.cjs, which Node starts, and what engines run: dist/NAME.bundle.js for programs and parts. */
export async function bundlePrograms(root) {
  for (const program of programs) await bundleProgram(root, program);
  for (const [name, contents] of Object.entries(parts)) {
    const stdin = { contents, resolveDir: root };
    const { outputFiles } = await build({ ...common, absWorkingDir: root, stdin, write: false });
    writeFileSync(join(root, `dist/${name}.bundle.js`), toScript(outputFiles[0].text));
  }
  await build({
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    define: { 'import.meta.url': 'moduleUrl' },
    banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
    entryPoints: ['src/host/load-main.ts'],
    outfile: join(root, 'dist/cli.cjs'),
    logLevel: 'warning',
  });
}
