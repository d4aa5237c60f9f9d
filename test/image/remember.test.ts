/** Reads that are remembered go into the image that they are about, for all who use it. */
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { eventually, isRoot, run, squashed, type User } from '../helpers/support.js';
import { processesOf } from '../launch/servers.js';
import { makePlace, refuses, test } from './image.js';

t.setTimeout(120_000);

/** An image of the test's own, and memories by name. */
function makeRoom(t: Test, user: User) {
  const place = makePlace(t, user);
  const file = join(place.directory, 'img.sqfs');
  copyFileSync(squashed, file);
  if (isRoot) chownSync(file, user.uid, user.gid);
  const env = (memory: string) => ({ CH_RUN_MEMO_DIR: join(place.directory, memory) });
  return {
    place,
    file,
    /** What -v says of reads. */
    async story(memory: string, ...command: readonly string[]) {
      const words = ['-v', '--no-share', file, '--', ...command];
      const { stderr } = run(user, words, { env: env(memory) });
      const isOver = () =>
        processesOf(file).length === 0 && !readdirSync(env(memory).CH_RUN_MEMO_DIR).some(isDraft);
      t.ok(await eventually(isOver), 'the server has ended');
      return / ms {2}((no reads of|remembered reads|reads that came).*)/.exec(stderr)?.[1];
    },
    remember: (memory: string, name = './img.sqfs') =>
      place.image(['remember', name], {
        cwd: place.directory,
        env: { CH_IMAGE_STORAGE: place.storage, ...env(memory) },
      }),
  };
}
const isDraft = (name: string) => name.includes('.reads.');

const isNew = /^no reads of this command are remembered/;
const came = /^reads that came with the image/;

test('what commands read goes into the image, once, and stays there', async (t, user) => {
  const { place, file, story, remember } = makeRoom(t, user);
  const image = readFileSync(file);
  refuses(
    t,
    remember('mine'),
    /no reads of \.\/img\.sqfs are remembered/,
    /ch-run-ts \.\/img\.sqfs -- COMMAND/,
  );
  t.match(await story('mine', 'ls', '/bin'), isNew);
  t.match(remember('mine'), { status: 0, stdout: './img.sqfs: reads of 1 commands\n', stderr: '' });
  const { size } = statSync(file);
  t.ok(size > image.length);
  t.ok(readFileSync(file).subarray(0, image.length).equals(image), 'the image is what it was');
  t.match(await story('of another', 'ls', '/bin'), came);

  t.equal(remember('mine').status, 0);
  t.equal(statSync(file).size, size, 'not twice');
  t.match(await story('of a third', 'sh', '-c', ':'), isNew);
  t.equal(remember('of a third').status, 0);
  t.ok(statSync(file).size > size);
  t.match(await story('of a fourth', 'ls', '/bin'), came, 'others stay');
  t.match(await story('of a fifth', 'sh', '-c', ':'), came);
  t.match(place.image(['convert', 'img.sqfs', 'copy.sqfs']).status, 0);
  t.ok(readFileSync(join(place.directory, 'copy.sqfs')).equals(readFileSync(file)), 'copies have them, too');
});

test('what is no SquashFS file, or is followed by something else, is left as it is', async (t, user) => {
  const { place, file, story, remember } = makeRoom(t, user);
  await story('mine', 'true');
  refuses(t, remember('mine', '.'), /only a SquashFS file can have remembered reads, and \. is none/);
  chmodSync(file, 0o444);
  if (user.uid !== 0) refuses(t, remember('mine'), /can't write to the image .*img\.sqfs/);
  chmodSync(file, 0o644);
  appendFileSync(file, 'a signature');
  const before = readFileSync(file);
  refuses(t, remember('mine'), /something other than remembered reads follows the image/);
  t.ok(readFileSync(file).equals(before));
  t.match(place.image(['remember']).stderr, /expected NAME after ch-image-ts remember/);
});
