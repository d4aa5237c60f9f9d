/** The packages for aarch64, made again from the same sources: the same files, byte for byte. */
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkout, ordinaryUser, scratch, skip, users } from '../helpers/support.js';
import { findPackages } from '../package/packages.js';
import { machine, missing } from './machine.js';

// it compiles them
t.setTimeout(900_000);

const [self = ordinaryUser] = users;

/** Whether a file of a build is made again: programs are linked, and what runs containers is compiled, too. */
const isMadeAgain = (path: string) =>
  [
    /^\/source\/(?!build(\/|$))/,
    /^\/source\/build\/curl\/source\/(?!include(\/|$))/,
    /^\/source\/build\/Release\/[^/]*$/,
    /^\/source\/build\/Release\/obj\.target\/(ch-run-ts|interpreter|core|ch-run-ts-squashfs)(\/|\.a$|$)/,
  ].some((pattern) => pattern.test(path)) && !/^\/source\/build\/Release\/(obj\.target|\.deps)$/.test(path);

/** Puts a place for another in a text file, which stays as old as it is. */
function movePlaceIn(file: string, from: string, to: string): void {
  const { atime, mtime } = statSync(file);
  writeFileSync(file, readFileSync(file, 'latin1').replaceAll(from, to), 'latin1');
  utimesSync(file, atime, mtime);
}

/** A copy of what was compiled for aarch64, in a place whose path is longer. */
function copyBuild(place: string): void {
  const from = join(checkout, 'build', machine.arch),
    to = join(place, machine.arch);
  cpSync(from, to, {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
    filter: (path) => !isMadeAgain(path.slice(from.length)),
  });
  // they say by which compiler, which is a file in that place
  for (const name of ['curl', 'quickjs']) movePlaceIn(join(to, 'source/build', name, 'built-by'), from, to);
  const rules = join(to, 'source/build/Release/.deps');
  for (const name of readdirSync(rules, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.d')) movePlaceIn(join(rules, name), from, to);
}

t.test('made elsewhere, by whom has another umask, language and time zone', async (t) => {
  const obstacle = missing();
  if (obstacle) return skip(t, obstacle);
  const first = findPackages(machine.arch);
  const place = join(scratch(t, self), 'made/in/a/place/whose/path/is/longer');
  copyBuild(place);
  const script = `umask 077; exec "$1" scripts/package/main.mjs --arch=${machine.arch} --into="$0/again" --build="$0"`;
  execFileSync('sh', ['-c', script, place, process.execPath], {
    cwd: checkout,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TZ: 'Asia/Kathmandu', LC_ALL: 'C.UTF-8', LANG: 'C.UTF-8' },
  });
  const sums = (folder: string) => readFileSync(join(folder, 'SHA256SUMS'), 'utf8').trim().split('\n');
  t.same(sums(join(place, 'again')), sums(first));
  t.equal(sums(first).length, 5, 'archive, .deb, .rpm, and two for npm');
});
