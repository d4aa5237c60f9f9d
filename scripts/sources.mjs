// The C++ sources in folders of addon/, with those below them: what the programs are made of is said in one place, here,
// for binding.gyp and for the builds of tests. Usage: sources.mjs PROGRAM
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const folders = {
  addon: ['base', 'host', 'node'],
  'ch-run-ts': ['base', 'refusals', 'squashfs/meet', 'squashfs/client', 'host', 'engine', 'launcher'],
  'ch-image-ts': ['base', 'host', 'engine', 'squashfs/reader', 'pack', 'image'],
  server: ['base', 'refusals', 'squashfs/meet', 'squashfs/reader', 'squashfs/server'],
  // what reads images, and what gets a mount from a server: for test programs
  reader: ['base', 'squashfs/reader'],
  client: ['base', 'squashfs/meet', 'squashfs/client'],
  packer: ['base', 'squashfs/reader', 'pack'],
};

const root = join(import.meta.dirname, '../addon');
const program = process.argv[2];
if (!(program in folders)) throw new Error(`no program is called ${program}`);
for (const folder of folders[program]) {
  for (const name of readdirSync(join(root, folder), { recursive: true }).sort())
    if (name.endsWith('.cc')) console.log(join('addon', folder, name));
}
