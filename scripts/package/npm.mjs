// Packages for npm: ch-run-ts, which is JavaScript, and one with the programs for each machine, of which npm and pnpm
// install the one that fits. No package has an install script: many installations forbid them.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { parts, programs } from '../programs.mjs';
import { archive, copy, filesBelow, manifest, output, root, version, write } from './base.mjs';
import { bundledPackages, renderLicences } from './licences.mjs';
import { targets } from './targets.mjs';
import { addSums } from './tree.mjs';

const { description, license, engines, exports, types } = manifest;
const common = { version, description, license, os: ['linux'] };
const writeJson = (path, value) => write(path, `${JSON.stringify(value, undefined, 2)}\n`);

/** A file as `npm pack` makes it: everything below `package/`. */
function pack(place, name, into) {
  archive(join(into, name), place, 'package', ['gzip', '-9n']);
  return name;
}

/** The programs for a machine: the tree, and the addon; returns the file's name. */
export function makePlatformPackage(tree, place, { npm, cpu, tools }, built, into) {
  const prefix = join(place, 'package'),
    addon = join(prefix, 'libexec/ch-run-ts/ch_run_ts.node');
  cpSync(tree, prefix, { recursive: true });
  copy(join(built, 'ch_run_ts.node'), addon);
  output(`${tools}strip`, ['--strip-unneeded', addon]);
  writeJson(join(prefix, 'package.json'), {
    name: `@ch-run-ts/${npm}`,
    ...common,
    cpu: [cpu],
    bin: Object.fromEntries(programs.map(({ name }) => [name, `bin/${name}`])),
  });
  addSums(prefix);
  return pack(place, `ch-run-ts-${npm}-${version}.tgz`, into);
}

/** Starts the program from the package for this machine, which is installed beside this package or inside it. */
const starter = (name) => `#!/bin/sh
self=$(readlink -f "$0")
here=\${self%/bin/*}
for platform in ${targets.map(({ npm }) => npm).join(' ')}; do
  for place in "$here/node_modules" "\${here%/*}"; do
    program=$place/@ch-run-ts/$platform/bin/${name}
    if [ -x "$program" ]; then exec "$program" "$@"; fi
  done
done
echo "${name}: error: no package with programs for this machine is installed beside $here" >&2
echo "${name}: hint: npm leaves out optional dependencies if told to (--omit=optional)" >&2
exit 31
`;

/** The library with its imports, the parts that it loads on demand, and its types. */
async function addLibrary(prefix) {
  await build({
    absWorkingDir: root,
    entryPoints: ['src/index.ts'],
    outfile: join(prefix, 'dist/index.js'),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'warning',
  });
  // built from the current src/, without leftovers of earlier builds
  const declared = filesBelow(join(root, 'src')).map((name) => name.replace(/\.ts$/, '.d.ts'));
  for (const name of [...declared, ...Object.keys(parts).map((part) => `${part}.bundle.js`)])
    copy(join(root, 'dist', name), join(prefix, 'dist', name));
}

/** The package that users name; returns the file's name. */
export async function makeMainPackage(place, into) {
  const prefix = join(place, 'package');
  mkdirSync(prefix, { recursive: true });
  for (const { name } of programs) {
    write(join(prefix, 'bin', name), starter(name), 0o755);
  }
  await addLibrary(prefix);
  write(join(prefix, 'THIRD-PARTY'), renderLicences(bundledPackages()));
  for (const name of manifest.man) copy(join(root, name), join(prefix, name));
  for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE', 'SECURITY.md'])
    copy(join(root, name), join(prefix, name));
  writeJson(join(prefix, 'package.json'), {
    name: manifest.name,
    ...common,
    type: 'module',
    engines,
    bin: Object.fromEntries(programs.map(({ name }) => [name, `bin/${name}`])),
    man: manifest.man,
    exports,
    types,
    optionalDependencies: Object.fromEntries(targets.map(({ npm }) => [`@ch-run-ts/${npm}`, version])),
  });
  return pack(place, `ch-run-ts-${version}.tgz`, into);
}
