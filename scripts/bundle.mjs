// Bundles the command line interface into one file: on a parallel file system every file that is opened costs.
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

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minifyWhitespace: true,
  logLevel: 'warning',
};

/** Writes dist/cli.cjs, and dist/yaml.cjs, which src/cdi/yaml.ts loads. */
export async function bundleCli(root) {
  await build({
    ...common,
    absWorkingDir: root,
    stdin: { contents: "export { parse } from 'yaml';", resolveDir: root },
    outfile: join(root, 'dist/yaml.cjs'),
  });
  await build({
    ...common,
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    outfile: join(root, 'dist/cli.cjs'),
    banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
    define: { 'import.meta.url': 'moduleUrl' },
    plugins: [dropUnused],
  });
}
