/** Which room uses which: an arrow that is not in the table is refused, and so is one in the table that nothing needs. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import t from 'tap';
import { checkout } from '../helpers/support.js';

/** Rooms of src/, from top to bottom; `.` is src/index.ts, the library for Node programs. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  '.': ['run', 'config', 'plan', 'host', 'base'],
  run: ['doctor', 'config', 'store', 'cdi', 'plan', 'cli', 'host', 'base'],
  doctor: ['store', 'cdi', 'host', 'base'],
  config: ['run', 'cli', 'host', 'base'],
  store: ['host', 'base'],
  cdi: ['plan', 'host', 'base'],
  plan: ['host', 'base'],
  cli: ['run', 'base'],
  host: ['base'],
  base: [],
};

const filesOf = (root: string) =>
  readdirSync(join(checkout, root), { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.(ts|cc|h)$/.test(file),
  );

/** The arrows between rooms: the room, the room that it uses, and where. */
function arrows(root: string, pattern: RegExp, target: (file: string, path: string) => string) {
  const roomOf = (file: string) => posix.dirname(file).split('/')[0] || '.';
  return filesOf(root).flatMap((file) =>
    [...readFileSync(join(checkout, root, file), 'utf8').matchAll(pattern)]
      .map(([, path = '']) => target(file, path))
      .filter((other) => roomOf(other) !== roomOf(file))
      .map((other) => ({ from: roomOf(file), to: roomOf(other), where: `${file} uses ${other}` })),
  );
}

t.test('a room of src/ uses only rooms below it', (t) => {
  const found = arrows('src', /(?:from|import\() ?'(\.[^']+)'/g, (file, path) =>
    posix.join(posix.dirname(file), path),
  );
  for (const { from, to, where } of found) if (!rooms[from]?.includes(to)) t.fail(where);
  for (const [from, others] of Object.entries(rooms))
    for (const to of others)
      t.ok(
        found.some((arrow) => arrow.from === from && arrow.to === to),
        `${from} needs ${to}`,
      );
  t.end();
});
