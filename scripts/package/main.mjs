// Makes what users install, from a checkout that is built: npm run package [-- --arch=ARCH --into=DIRECTORY
// --build=DIRECTORY], where the last is for what is compiled for other machines. For every
// machine (scripts/package/targets.mjs): a tree, as archive, as .deb, as .rpm, and as package for npm. Made twice, the
// files are the same, byte for byte.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root, sha256, version, write } from './base.mjs';
import { crossBuild } from './cross.mjs';
import { componentsOf } from './licences.mjs';
import { makeMainPackage, makePlatformPackage } from './npm.mjs';
import { makeArchive, makeDeb, makeRpm } from './system.mjs';
import { here, targets } from './targets.mjs';
import { makeTree } from './tree.mjs';

const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: targets.map(({ arch }) => arch).join() },
    into: { type: 'string', default: join(root, 'build/package') },
    build: { type: 'string', default: join(root, 'build') },
  },
});
const into = resolve(values.into);
const work = join(into, 'work');

const treeName = (arch) => `ch-run-ts-${version}-linux-${arch}`;

/** All packages of one machine; returns the names of their files. */
function packFor(target) {
  const name = `ch-run-ts-${version}-linux-${target.arch}`,
    place = join(work, target.arch);
  const tree = join(place, name);
  const foreign = target === here ? undefined : crossBuild(target, join(resolve(values.build), target.arch));
  const built = foreign?.built ?? join(root, 'build/Release');
  const components = componentsOf(foreign);
  makeTree(tree, name, target, built, components);
  return [
    makeArchive(place, name, into),
    makeDeb(tree, join(place, 'deb'), target, into),
    makeRpm(tree, join(place, 'rpm'), target, components, into),
    makePlatformPackage(tree, join(place, 'npm'), target, built, into),
  ];
}

const wanted = values.arch.split(',').map((arch) => {
  const target = targets.find((each) => each.arch === arch);
  if (!target) throw new Error(`expected x86_64 or aarch64 for --arch, got ${arch}`);
  return target;
});
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
const names = [...wanted.flatMap(packFor), await makeMainPackage(join(work, 'npm'), into)];
rmSync(work, { recursive: true });
const sumOf = (name) => sha256(readFileSync(join(into, name)));
// examples/site, with what is known now
for (const name of ['package.py', 'ch-run-ts.eb']) {
  const text = readFileSync(join(root, 'examples/site', name), 'utf8').replaceAll('VERSION', version);
  const filled = wanted.reduce(
    (rest, { arch }) => rest.replaceAll(`SHA256-${arch}`, sumOf(`${treeName(arch)}.tar.xz`)),
    text,
  );
  write(join(into, 'site', name), filled);
}
write(join(into, 'SHA256SUMS'), names.map((name) => `${sumOf(name)}  ${name}\n`).join(''));
for (const name of names) console.log(join(into, name));
