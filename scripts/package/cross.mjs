// Builds for another machine, from Debian packages alone: its compiler (crossbuild-essential-ARCH), and its libraries,
// which are unpacked, not installed. The source is the checkout's, with its JavaScript as it was built.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './base.mjs';
import { openPackages } from './debian.mjs';
import { libraryPackages } from './licences.mjs';

function unpackLibraries({ deb }, place) {
  const system = join(place, 'system');
  if (existsSync(system)) return system;
  const { debs, download } = openPackages(place, deb);
  download(...libraryPackages());
  for (const name of readdirSync(debs)) execFileSync('dpkg-deb', ['-x', join(debs, name), `${system}.new`]);
  // to shared libraries, which are in other packages: all is linked statically
  execFileSync('find', [`${system}.new`, '-xtype', 'l', '-delete']);
  execFileSync('mv', [`${system}.new`, system]);
  return system;
}

/** A copy of what is compiled, in `place`; files that are there already and equal keep their times. */
function copySource(place) {
  const source = join(place, 'source');
  mkdirSync(join(source, 'build/quickjs'), { recursive: true });
  for (const name of ['package.json', 'binding.gyp', 'addon', 'scripts', 'dist'])
    cpSync(join(root, name), join(source, name), { recursive: true, preserveTimestamps: true });
  for (const name of readdirSync(join(root, 'build/quickjs')).filter((each) => each.endsWith('.tar.xz')))
    cpSync(join(root, 'build/quickjs', name), join(source, 'build/quickjs', name));
  if (!existsSync(join(source, 'node_modules')))
    symlinkSync(join(root, 'node_modules'), join(source, 'node_modules'));
  return source;
}

/** Builds all programs of `target` in `place`; returns where they are, and where the files of its libraries are. */
export function crossBuild(target, place) {
  mkdirSync(place, { recursive: true });
  const { cpu, deb, tools } = target;
  const system = unpackLibraries(target, place),
    source = copySource(place),
    compiler = join(place, 'c++');
  const folders = `-isystem '${system}/usr/include' -L '${system}/usr/lib/${tools.slice(0, -1)}'`;
  writeFileSync(compiler, `#!/bin/sh\nexec ${tools}g++ ${folders} "$@"\n`, { mode: 0o755 });
  const env = {
    ...process.env,
    CXX: compiler,
    LINK: compiler,
    CC: `${tools}gcc`,
    AR: `${tools}ar`,
    OBJCOPY: `${tools}objcopy`,
  };
  const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  const prefix = join(process.execPath, '../..');
  const headers = existsSync(join(prefix, 'include/node/node.h')) ? [`--nodedir=${prefix}`] : [];
  for (const words of [
    ['configure', `--arch=${cpu}`],
    ['build', '--jobs=max'],
  ]) {
    execFileSync(process.execPath, [gyp, ...words, '--silent', ...headers], {
      cwd: source,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  return { built: join(source, 'build/Release'), debs: join(place, 'debs'), deb };
}
