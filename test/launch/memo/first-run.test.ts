/** What the first run costs on a parallel file system: calls on files of ours. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { test } from 'tap';
import { image, launcher, ordinaryUser, scratch, stage, start } from '../../helpers/support.js';

test('the first run makes at most 6 file-system calls on files of ours', async (t) => {
  const log = join(scratch(t), 'calls');
  const words = ['-f', '-o', log, '-e', 'trace=%file', launcher, '--no-memo', image, '--', 'true'];
  const { status, stderr } = start(ordinaryUser, 'strace', words);
  t.same({ status, stderr }, { status: 0, stderr: '' });
  const ours = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.includes(join(stage, 'package')));
  t.ok(ours.length >= 1, 'they were counted');
  t.ok(ours.length <= 6, ours.join('\n'));
});

test('this Node takes the code cache', async (t) => {
  const filename = join(stage, 'package/dist/ch-run-ts.bundle.js');
  const cachedData = readFileSync(join(stage, 'package/dist/ch-run-ts.cache'));
  t.equal(new Script(readFileSync(filename, 'latin1'), { filename, cachedData }).cachedDataRejected, false);
});
