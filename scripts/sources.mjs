// Lists the C++ sources of a program or library: all in some folders of addon/, at any depth. binding.gyp and the tests'
// build scripts use this list. Usage: sources.mjs NAME
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A library: what all programs that users type have. */
const core = ['base', 'host', 'engine'];

/** A library: what carries out plans. */
const interpreter = [
  ...['refusals', 'squashfs/meet', 'squashfs/client', 'containers'],
  ...['doctor', 'files', 'join', 'log', 'memo', 'parent', 'plan', 'process'].map(
    (room) => `launcher/${room}`,
  ),
];

const folders = {
  addon: ['base', 'host', 'node'],
  core,
  interpreter,
  // programs without these libraries
  'ch-image-ts': ['squashfs/reader', 'pack', 'net', 'image'],
  'ch-run-ts': ['launcher/main.cc'],
  'ch-oci-ts': ['oci'],
  // ch-run-ts with them, for its build with sanitizers
  launcher: [...core, ...interpreter, 'launcher/main.cc'],
  server: ['base', 'refusals', 'squashfs/meet', 'squashfs/reader', 'squashfs/server'],
  // reading images, and getting a mount from a server: for test programs
  reader: ['base', 'squashfs/reader'],
  // transfers, for a test program
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
