// The C++ sources in folders of addon/, with those below them: what the programs are made of is said in one place, here,
// for binding.gyp and for the builds of tests. Usage: sources.mjs PROGRAM
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What carries out plans. */
const interpreter = [
  ...['base', 'refusals', 'squashfs/meet', 'squashfs/client', 'host', 'engine', 'containers'],
  ...['doctor', 'files', 'join', 'log', 'memo', 'parent', 'plan', 'process'].map(
    (room) => `launcher/${room}`,
  ),
];

const folders = {
  addon: ['base', 'host', 'node'],
  'ch-image-ts': ['base', 'host', 'engine', 'squashfs/reader', 'pack', 'net', 'image'],
  'ch-run-ts': [...interpreter, 'launcher/main.cc'],
  'ch-oci-ts': [...interpreter, 'oci'],
  server: ['base', 'refusals', 'squashfs/meet', 'squashfs/reader', 'squashfs/server'],
  // what reads images, and what gets a mount from a server: for test programs
  reader: ['base', 'squashfs/reader'],
  // what fetches, for a test program
  net: ['base', 'net'],
  client: ['base', 'squashfs/meet', 'squashfs/client'],
  packer: ['base', 'squashfs/reader', 'pack'],
};

const root = join(import.meta.dirname, '../addon');
const program = process.argv[2];
if (!(program in folders)) throw new Error(`no program is called ${program}`);
for (const folder of folders[program]) {
  if (folder.endsWith('.cc')) {
    console.log(join('addon', folder));
    continue;
  }
  for (const name of readdirSync(join(root, folder), { recursive: true }).sort())
    if (name.endsWith('.cc')) console.log(join('addon', folder, name));
}
