// Bundles the command line interface: on a parallel file system every file that is opened costs.
import { join } from 'node:path';
import { build } from 'esbuild';

/** Parts of yargs that its parser does not use and that cost 25 ms to load (Intl.Segmenter); dropped when unused. */
const droppable = /^(cliui|string-width|wrap-ansi|y18n|.*\/esm\.mjs|.*apply-extends\.js|.*process-argv\.js)$/;

const dropUnused = {
  name: 'drop-unused',
  setup(builder) {
    builder.onResolve({ filter: droppable }, async ({ path, pluginData, ...where }) => {
      if (pluginData === 'resolving') return undefined;
      const found = await builder.resolve(path, { ...where, pluginData: 'resolving' });
      return { ...found, sideEffects: false };
    });
  },
};

/** What the bundles have in common; __filename is that of the one that runs. */
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minifyWhitespace: true,
  define: { 'import.meta.url': 'moduleUrl' },
  plugins: [dropUnused],
  logLevel: 'warning',
};
const moduleUrl = "const moduleUrl = require('node:url').pathToFileURL(__filename).href;";

/** Writes dist/cli.cjs, which Node starts, dist/main.bundle.js, which that one runs, and dist/yaml.cjs. */
export async function bundleCli(root) {
  // src/cdi/yaml.ts loads it where it is needed
  await build({
    ...common,
    absWorkingDir: root,
    stdin: { contents: "export { parse } from 'yaml';", resolveDir: root },
    outfile: join(root, 'dist/yaml.cjs'),
  });
  await build({
    ...common,
    absWorkingDir: root,
    entryPoints: ['src/run/load-main.ts'],
    outfile: join(root, 'dist/cli.cjs'),
    banner: { js: moduleUrl },
  });
  await build({
    ...common,
    absWorkingDir: root,
    entryPoints: ['src/run/main.ts'],
    outfile: join(root, 'dist/main.bundle.js'),
    banner: { js: `(function (require, __filename) {${moduleUrl}` },
    footer: { js: '})' },
  });
}
