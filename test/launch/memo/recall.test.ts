/** Remembered plans: found when they hold, left alone when they do not, and never in the way. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import {
  image,
  launcher,
  makeImage,
  plant,
  run,
  scratch,
  start,
  type User,
  users,
} from '../../helpers/support.js';

/** A memory of the test's own. */
interface Memory {
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
}

function makeMemory(t: Test, user: User): Memory {
  const path = join(scratch(t, user), 'memo');
  return { path, env: { CH_RUN_MEMO_DIR: path } };
}

/** What -v says about the memory. */
function story(user: User, { env }: Memory, words: readonly string[], cwd?: string): string {
  const { stderr } = run(user, ['-v', ...words], { env, ...(cwd ? { cwd } : {}) });
  const lines = stderr.split('\n').filter((line) => line.includes('remember'));
  return lines.map((line) => line.replace(/^.* ms {2}/, '').replace(/[0-9a-f]{16}/, 'NAME')).join('; ');
}

const missed = /^no remembered plan: .*; remembered the plan as NAME$/;
const found = 'remembered plan: NAME';

for (const user of users) {
  test(`as ${user.name}`, async (t) => {
    t.test('the first run remembers, the second one decides nothing', async (t) => {
      const memory = makeMemory(t, user);
      t.match(story(user, memory, [image, '--', 'true']), missed);
      t.equal(story(user, memory, [image, '--', 'true']), found);
      const words = ['-f', '-qq', '-e', 'trace=execve', launcher, '-v', image, '--', 'true'];
      const { stderr } = start(user, 'strace', words, { env: memory.env });
      // the launcher can't be looked into when it starts the command: whose name then is an address
      const programs = [...stderr.matchAll(/execve\((?:"([^"]*)"|0x).* = 0$/gm)].map(
        ([, program]) => program,
      );
      // as an ordinary user, whom the host's files do not know, a third one asks for names
      const ours = programs.filter((program) => !/^\/proc\/self\/fd\/|\/getent$/.test(program ?? ''));
      t.same([ours[0], ours.length], [launcher, 2], 'only the launcher and the command are executed');
    });

    t.test('commands, arguments and the -- between share one plan', async (t) => {
      const memory = makeMemory(t, user);
      story(user, memory, [image, '--', 'echo', 'a']);
      for (const words of [
        ['--', 'true'],
        ['true', 'b'],
        ['echo', '--', 'c'],
        ['--', 'echo', '--'],
      ]) {
        t.equal(story(user, memory, [image, ...words]), found, words.join(' '));
      }
      t.equal(readdirSync(memory.path).length, 1);
      t.equal(run(user, ['-v', image, 'echo', '--', 'c'], { env: memory.env }).stdout, '-- c\n');
      t.equal(run(user, ['-v', image, '--', 'echo', '--', 'c'], { env: memory.env }).stdout, '-- c\n');
    });

    t.test('options between the image and -- are options, and make another plan', async (t) => {
      const memory = makeMemory(t, user);
      t.match(story(user, memory, [image, '--', 'true']), missed);
      const words = [image, '-c', '/tmp', '--set-env=A=1', '--', 'sh', '-c', 'echo "$A $PWD"'];
      t.match(story(user, memory, words), missed);
      t.equal(story(user, memory, words), found);
      t.equal(run(user, words, { env: memory.env }).stdout, '1 /tmp\n');
      t.match(run(user, [image, '-c', '/tmp', 'x', '--', 'true'], { env: memory.env }), {
        status: 64,
        stderr: "expected an option or -- after the image, got 'x'",
      });
      t.equal(
        run(user, [image, 'echo', '-n', '--', 'x'], { env: memory.env }).stdout,
        '-- x',
        'the command’s own',
      );
    });

    t.test('an option value that looks like the end of the options is none', async (t) => {
      const memory = makeMemory(t, user);
      const words = ['--set-env=A=1', '-c', '/tmp', image];
      t.match(story(user, memory, [...words, '--', 'true']), missed);
      t.equal(story(user, memory, [...words, 'true']), found);
      t.match(story(user, memory, ['-c', '/', image, 'true']), missed, 'other options, other plan');
    });

    t.test('a relative image is another one in another working directory', async (t) => {
      const memory = makeMemory(t, user);
      const places = [makeImage(t, {}, user), makeImage(t, {}, user)].map((path) => join(path, '..'));
      for (const place of places) t.match(story(user, memory, ['img', '--', '/probe'], place), missed);
      for (const place of places) t.equal(story(user, memory, ['img', '--', '/probe'], place), found);
      t.match(story(user, memory, [join(places[0] ?? '', 'img'), '--', '/probe'], places[0]), missed);
      t.equal(story(user, memory, [join(places[0] ?? '', 'img'), '--', '/probe'], places[1]), found);
    });

    t.test('a link that moved and an image that went are noticed', async (t) => {
      const memory = makeMemory(t, user);
      const place = scratch(t, user);
      plant(place, { 'dir/': null, file: 'text' }, user);
      symlinkSync('dir', join(place, 'link'));
      story(user, memory, ['link', '--', 'true'], place);
      rmSync(join(place, 'link'));
      symlinkSync('file', join(place, 'link'));
      t.equal(run(user, ['-v', 'link', '--', 'true'], { env: memory.env, cwd: place }).status, 31);
      rmSync(join(place, 'link'));
      symlinkSync('dir', join(place, 'link'));
      t.equal(story(user, memory, ['link', '--', 'true'], place), found, 'and it is back');
      renameSync(join(place, 'dir'), join(place, 'gone'));
      const { stderr } = run(user, ['-v', 'link', '--', 'true'], { env: memory.env, cwd: place });
      t.match(stderr, /error: there is no image link/);
    });

    t.test('--no-memo neither uses nor keeps one', async (t) => {
      const memory = makeMemory(t, user);
      t.equal(run(user, ['--no-memo', image, '--', 'true'], { env: memory.env }).stderr, '');
      t.throws(() => readdirSync(memory.path), 'there is no memory');
    });

    t.test('--memo-clear forgets all', async (t) => {
      const memory = makeMemory(t, user);
      t.equal(run(user, ['--memo-clear'], { env: memory.env }).stdout, 'remembered plans forgotten: 0\n');
      story(user, memory, [image, '--', 'true']);
      t.equal(run(user, ['--memo-clear'], { env: memory.env }).stdout, 'remembered plans forgotten: 1\n');
      t.same(readdirSync(memory.path), []);
      t.match(story(user, memory, [image, '--', 'true']), missed);
    });

    t.test('a damaged memo is no memo, and is replaced', async (t) => {
      const memory = makeMemory(t, user);
      story(user, memory, [image, '--', 'true']);
      const [name = ''] = readdirSync(memory.path);
      for (const damage of ['', 'x', 'ch-run-ts-plan\x001\x002\0', 'ch-run-ts-plan\x001\x009\0']) {
        writeFileSync(join(memory.path, name), damage);
        t.match(story(user, memory, [image, '--', 'true']), missed, JSON.stringify(damage));
        t.equal(story(user, memory, [image, '--', 'true']), found);
      }
    });

    t.test('a memory that others could write is not used', async (t) => {
      const memory = makeMemory(t, user);
      story(user, memory, [image, '--', 'true']);
      const [name = ''] = readdirSync(memory.path);
      chmodSync(join(memory.path, name), 0o622);
      t.match(story(user, memory, [image, '--', 'true']), /can be written by others; remembered the plan/);
      chmodSync(memory.path, 0o777);
      t.match(
        story(user, memory, [image, '--', 'true']),
        /^no remembered plan: .*written by others; can't remember/,
      );
      chmodSync(memory.path, 0o700);
      t.equal(story(user, memory, [image, '--', 'true']), found);
    });

    t.test('another user does not use it', { skip: users.length < 2 && 'not root' }, async (t) => {
      const memory = makeMemory(t, user);
      story(user, memory, [image, '--', 'true']);
      chmodSync(memory.path, 0o755);
      const [other = user] = users.filter(({ uid }) => uid !== user.uid);
      t.match(
        story(other, memory, [image, '--', 'true']),
        /belongs to another user; can't remember the plan/,
      );
    });

    const places: readonly (readonly [string, NodeJS.ProcessEnv])[] = [
      ['HOME is missing', { HOME: '/nonexistent/home' }],
      ['HOME is empty', { HOME: '' }],
      ['HOME is relative', { HOME: 'home' }],
      ['HOME can never be written', { HOME: '/proc' }],
      ['the memory is a file', { CH_RUN_MEMO_DIR: '/etc/passwd' }],
      ['the memory is switched off', { CH_RUN_MEMO_DIR: '' }],
    ];
    for (const [title, env] of places) {
      t.test(`where ${title}, it goes silently`, async (t) => {
        const { status, stdout, stderr } = run(user, [image, '--', 'echo', 'here'], { env });
        t.same({ status, stdout, stderr }, { status: 0, stdout: 'here\n', stderr: '' });
      });
    }

    t.test('where files may not grow (ulimit -f), it is said, and nobody is killed', async (t) => {
      const memory = makeMemory(t, user);
      const words = ['-c', 'ulimit -f 0; exec "$@"', 'sh', launcher, image, '--', 'echo', 'here'];
      const { status, stderr } = start(user, 'sh', words, { env: memory.env });
      t.equal(status, 31);
      t.match(stderr, /error: can't write .*: file too large\n.*hint: .*ulimit -f/);
    });

    t.test('the cache directory of the user is made on the way', async (t) => {
      const home = scratch(t, user);
      t.equal(run(user, [image, '--', 'true'], { env: { HOME: home } }).status, 0);
      t.equal(readdirSync(join(home, '.cache/ch-run-ts')).length, 1);
      t.equal(
        run(user, [image, '--', 'true'], { env: { HOME: home, XDG_CACHE_HOME: join(home, 'xdg') } }).status,
        0,
      );
      t.equal(readdirSync(join(home, 'xdg/ch-run-ts')).length, 1);
    });

    t.test('it is bounded in number and age', async (t) => {
      const memory = makeMemory(t, user);
      mkdirSync(memory.path, { mode: 0o700 });
      const old = Array.from({ length: 600 }, (_, at) => String(at).padStart(16, '0'));
      plant(memory.path, Object.fromEntries(old.map((name) => [name, ''])), user);
      spawnSync('chown', [`${user.uid}`, memory.path]);
      chmodSync(memory.path, 0o700);
      story(user, memory, [image, '--', 'true']);
      t.ok(readdirSync(memory.path).length <= 400, 'the oldest of too many go');
      const monthAgo = Date.now() / 1000 - 31 * 24 * 3600;
      for (const name of readdirSync(memory.path)) utimesSync(join(memory.path, name), monthAgo, monthAgo);
      story(user, memory, ['-w', image, '--', 'true']);
      t.equal(readdirSync(memory.path).length, 1, 'what is too old goes');
    });
  });
}
