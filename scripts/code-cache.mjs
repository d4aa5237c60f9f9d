// Writes dist/ch-run-ts.cache: the code that V8 compiled while a launch with a configuration file was planned. Only the
// version of Node that runs this can use it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';

const dist = join(import.meta.dirname, '../dist');
const filename = join(dist, 'ch-run-ts.bundle.js');
const script = new Script(readFileSync(filename, 'latin1'), { filename });
const words = [
  `--config=${join(dist, '../profiles/cray.toml')}`,
  '--bind=/usr:/mnt',
  '--set-env=A=$B',
  '/usr',
  'true',
];
const { main } = script.runInThisContext()(pathToFileURL(filename).href);
await main(join(dist, '../bin/ch-run-ts'), ['ch-run-ts', ...words]);
writeFileSync(join(dist, 'ch-run-ts.cache'), script.createCachedData());
