/** Image files of Apptainer and Singularity, run as they are. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeSif } from '../helpers/sif.js';
import {
  failsWith,
  noSquashfs,
  run,
  runQuietly,
  scratch,
  skip,
  squashed,
  type User,
  users,
} from '../helpers/support.js';
import { serversOf, startWaiting } from './servers.js';

t.setTimeout(120_000);

function test(title: string, body: (t: Test, user: User) => unknown): void {
  for (const user of users) {
    t.test(`${title}, as ${user.name}`, async (t) => {
      if (noSquashfs) skip(t, noSquashfs);
      else await body(t, user);
    });
  }
}

function place(t: Test, user: User, bytes: Uint8Array, name = 'image.sif'): string {
  const file = join(scratch(t, user), name);
  writeFileSync(file, bytes);
  return file;
}

const show = ['--', 'sh', '-c', 'ls -R /etc /usr/bin; cat /etc/os-release /usr/bin/*'];
const line = '#!/usr/bin/env run-singularity\n';

test('the SquashFS in a SIF is run, with what the file alone would show', (t, user) => {
  const sif = place(t, user, makeSif(readFileSync(squashed)));
  const shown = runQuietly(t, user, [sif, ...show]);
  t.ok(shown === runQuietly(t, user, [squashed, ...show]) && shown, 'the same names and contents');
  t.equal(run(user, [sif, '--', '/probe', 'status', '42']).status, 42);
});

test('an image of Singularity 2, SquashFS after a script line, is run', (t, user) => {
  const old = place(t, user, Buffer.concat([Buffer.from(line), readFileSync(squashed)]), 'image.simg');
  t.equal(runQuietly(t, user, [old, ...show]), runQuietly(t, user, [squashed, ...show]));
});

test('launches of one SIF share a server', async (t, user) => {
  const sif = place(t, user, makeSif(readFileSync(squashed)));
  const first = await startWaiting(t, user, [sif], 'true');
  const second = await startWaiting(t, user, [sif], 'true');
  t.equal(serversOf(sif).length, 1);
  await first.finish();
  await second.finish();
});

test('a SIF in storage is run and listed by its name', (t, user) => {
  const storage = scratch(t, user);
  mkdirSync(join(storage, 'img'), { mode: 0o755 });
  const sif = join(storage, 'img/tool.sif');
  writeFileSync(sif, makeSif(readFileSync(squashed)));
  t.match(run(user, ['-s', storage, '--list']).stdout, /^tool\.sif +squashfs/);
  t.equal(run(user, ['-s', storage, 'tool.sif', '--', '/probe', 'status', '3']).status, 3);
});

test('a SIF that was replaced gets a new plan', (t, user) => {
  const sif = place(t, user, makeSif(readFileSync(squashed)));
  t.equal(run(user, [sif, '--', '/probe', 'status', '3']).status, 3);
  writeFileSync(sif, makeSif(readFileSync(squashed), [{ type: 0x4001 }, { type: 0x4001 }, {}]));
  t.equal(run(user, [sif, '--', '/probe', 'status', '3']).status, 3);
  writeFileSync(sif, makeSif(readFileSync(squashed), [{ fileSystem: 2 }]));
  failsWith(
    t,
    run(user, [sif, '--', 'true']),
    31,
    /image\.sif: it is a SIF whose system partition is ext3/,
    /converts it/,
  );
});

test('a SIF is not written to', (t, user) => {
  const sif = place(t, user, makeSif(readFileSync(squashed)));
  failsWith(
    t,
    run(user, ['-w', sif, '--', 'true']),
    64,
    /is a SIF file, which can't be written/,
    /--write-fake/,
  );
});

test('what a SIF says of its partition is not believed: damaged SquashFS is refused', (t, user) => {
  const sif = place(t, user, makeSif(Buffer.concat([Buffer.from('hsqs'), Buffer.alloc(4092)])));
  failsWith(t, run(user, [sif, '--', 'true']), 84, /is SquashFS 0\.0/);
});
