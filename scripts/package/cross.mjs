// Builds for another architecture with Debian packages only: its compiler (crossbuild-essential-ARCH), and its
// libraries, which are unpacked, not installed. The source is the checkout's, with its JavaScript as it was built.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root } from './base.mjs';
import { openPackages } from './debian.mjs';
import { libraryPackages } from './licences.mjs';

function unpackLibraries({ deb }, place, without) {
  const system = join(place, 'system');
  if (existsSync(system)) return system;
  const { debs, download } = openPackages(place, deb);
  download(...libraryPackages().filter((name) => !without.includes(name)));
  for (const name of readdirSync(debs)) execFileSync('dpkg-deb', ['-x', join(debs, name), `${system}.new`]);
  // to shared libraries, which are in other packages: all is linked statically
  execFileSync('find', [`${system}.new`, '-xtype', 'l', '-delete']);
  execFileSync('mv', [`${system}.new`, system]);
  return system;
}

/** Removes from a copy what the directory no longer has: all sources in a folder are compiled. */
function removeOthers(copy, directory) {
  if (!statSync(copy).isDirectory()) return;
  for (const name of readdirSync(copy, { recursive: true }))
    if (!existsSync(join(directory, name))) rmSync(join(copy, name), { recursive: true, force: true });
}

/** A copy of what is compiled, in `place`; files that are there already and equal keep their times. */
function copySource(place) {
  const source = join(place, 'source');
  for (const name of ['package.json', 'binding.gyp', 'addon', 'scripts', 'dist']) {
    cpSync(join(root, name), join(source, name), { recursive: true, preserveTimestamps: true });
    removeOthers(join(source, name), join(root, name));
  }
  for (const part of ['build/quickjs', 'build/curl'].filter((each) => existsSync(join(root, each)))) {
    mkdirSync(join(source, part), { recursive: true });
    for (const name of readdirSync(join(root, part)).filter((each) => /\.tar\.[gx]z$/.test(each)))
      cpSync(join(root, part, name), join(source, part, name));
  }
  if (!existsSync(join(source, 'node_modules')))
    symlinkSync(join(root, 'node_modules'), join(source, 'node_modules'));
  return source;
}

/**
 * Builds for `target` in `place`: all, or only some programs, without some libraries. Returns where they are, and where
 * the packages of the libraries are.
 */
export function crossBuild(target, place, { programs = [], without = [] } = {}) {
  mkdirSync(place, { recursive: true });
  const { cpu, deb, tools } = target;
  const system = unpackLibraries(target, place, without),
    source = copySource(place),
    triple = tools.slice(0, -1);
  const headers = [`${system}/usr/include`, `${system}/usr/include/${triple}`];
  const folders = `${headers.map((path) => `-isystem '${path}'`).join(' ')} -L '${system}/usr/lib/${triple}'`;
  const [compiler, ofC] = ['g++', 'gcc'].map((name) => {
    const path = join(place, name);
    writeFileSync(path, `#!/bin/sh\nexec ${tools}${name} ${folders} "$@"\n`, { mode: 0o755 });
    return path;
  });
  const env = {
    ...process.env,
    CXX: compiler,
    LINK: compiler,
    CC: ofC,
    AR: `${tools}gcc-ar`,
    OBJCOPY: `${tools}objcopy`,
  };
  const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  const prefix = join(process.execPath, '../..');
  const ofNode = existsSync(join(prefix, 'include/node/node.h')) ? [`--nodedir=${prefix}`] : [];
  const run = (program, ...words) =>
    execFileSync(program, words, { cwd: source, env, stdio: ['ignore', 'ignore', 'inherit'] });
  run(process.execPath, gyp, 'configure', `--arch=${cpu}`, '--silent', ...ofNode);
  run('make', '-C', 'build', `-j${availableParallelism()}`, 'BUILDTYPE=Release', ...programs);
  return { built: join(source, 'build/Release'), debs: join(place, 'debs'), deb };
}
