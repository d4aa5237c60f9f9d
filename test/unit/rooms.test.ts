/** Which room uses which: an arrow that is not in the table is refused, and so is one in the table that nothing needs. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import t, { type Test } from 'tap';
import { checkout } from '../helpers/support.js';

type Rooms = Readonly<Record<string, string>>;

/** Rooms of src/, from top to bottom: a room uses none that stands above it. `.` is the library for Node programs. */
const rooms: Rooms = {
  '.': 'run config plan cli host base',
  oci: 'doctor containers store plan cli host base',
  run: 'doctor config store cdi plan cli host base',
  image: 'registry cdi store formats plan cli host base',
  registry: 'config formats host base',
  doctor: 'store cdi host base',
  config: 'cli host base',
  containers: 'host base',
  store: 'formats host base',
  formats: 'base',
  cdi: 'plan host base',
  plan: 'host base',
  cli: 'base',
  host: 'base',
  base: '',
};

/** The same of addon/: the launcher, then the server of SquashFS images, and what both use; last the addon for Node. */
const nativeRooms: Rooms = {
  oci: 'launcher/memo launcher/parent launcher/plan launcher/doctor launcher/process launcher/log containers engine host base',
  launcher:
    'launcher/memo launcher/plan launcher/doctor launcher/process launcher/log engine host refusals base',
  'launcher/memo': 'launcher/files launcher/plan launcher/log base',
  'launcher/plan':
    'launcher/join launcher/parent launcher/process launcher/files squashfs/client launcher/log containers base',
  'launcher/doctor': 'launcher/parent launcher/process launcher/files containers refusals base',
  'launcher/parent': 'launcher/process launcher/log containers base',
  'launcher/join': 'launcher/process launcher/log refusals base',
  'launcher/process': 'launcher/files launcher/log refusals base',
  'launcher/files': 'squashfs/client launcher/log base',
  image: 'net pack engine host base',
  net: 'pack host base',
  pack: 'squashfs/reader base',
  'squashfs/server': 'squashfs/reader squashfs/meet refusals base',
  'squashfs/reader': 'base',
  'squashfs/client': 'squashfs/meet base',
  'squashfs/meet': 'base',
  'launcher/log': 'refusals base',
  containers: 'base',
  refusals: 'base',
  engine: 'host base',
  node: 'host base',
  host: 'base',
  base: '',
};

/** Fails for arrows between rooms other than those of the table; `pattern` finds what a file uses, `below` from where. */
function hold(t: Test, table: Rooms, root: string, pattern: RegExp, below: (file: string) => string) {
  const files = readdirSync(join(checkout, root), { recursive: true, encoding: 'utf8' });
  const arrows = files
    .filter((file) => /\.(ts|cc|h)$/.test(file))
    .flatMap((file) =>
      [...readFileSync(join(checkout, root, file), 'utf8').matchAll(pattern)].map(([, path = '']) => {
        const used = posix.join(below(file), path);
        return { from: posix.dirname(file), to: posix.dirname(used), where: `${file} uses ${used}` };
      }),
    );
  const names = Object.keys(table);
  const roomOf = (folder: string) =>
    names.find((name) => folder === name) ?? names.find((name) => folder.startsWith(`${name}/`)) ?? folder;
  const found = arrows
    .map(({ from, to, where }) => ({ from: roomOf(from), to: roomOf(to), where }))
    .filter(({ from, to }) => from !== to);
  for (const { from, to, where } of found) if (!table[from]?.split(' ').includes(to)) t.fail(where);
  for (const [from, others] of Object.entries(table))
    for (const to of others.split(' ').filter(Boolean)) {
      t.ok(
        found.some((arrow) => arrow.from === from && arrow.to === to),
        `${from} uses ${to}`,
      );
      t.ok(names.indexOf(from) < names.indexOf(to), `${to} stands below ${from}`);
    }
}

t.test('a room of src/ uses only rooms below it', (t) => {
  hold(t, rooms, 'src', /(?:from|import\() ?'(\.[^']+)'/g, posix.dirname);
  t.end();
});

t.test('a room of addon/ uses only rooms below it', (t) => {
  hold(t, nativeRooms, 'addon', /#include "([^"]+)"/g, () => '');
  t.end();
});
