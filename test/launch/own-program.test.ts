/** The launcher's program file lies outside: nothing in an image starts it, or it could be written to from inside. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { encode, smallPlan, writePlan } from '../helpers/plans.js';
import {
  checkout,
  copyImage,
  environmentOf,
  failsWith,
  image,
  isRoot,
  launcher,
  plant,
  run,
  runQuietly,
  scratch,
  stage,
  start,
  type Tree,
  type User,
  users,
} from '../helpers/support.js';

/** What an image has, and what is said when /attack is started. */
const attacks: Readonly<Record<string, readonly [Tree, RegExp]>> = {
  'a script': [{ attack: '#!/proc/self/exe\n' }, /its interpreter \/proc\/self\/exe is the launcher's own/],
  'a script with an argument': [
    { attack: '#! \t/proc/self/exe --list\n' },
    /its interpreter \/proc\/self\/exe is/,
  ],
  'a link': [{ attack: { link: '/proc/self/exe' } }, /attack: it is the launcher's own program file/],
  'a script whose interpreter is a link': [
    { attack: '#!/tool', tool: { link: 'proc/self/exe' } },
    /its interpreter \/tool is/,
  ],
  'a script whose interpreter is a script': [
    { attack: '#!/bin/one\n', 'bin/one': '#!/bin/two\n', 'bin/two': '#!/proc/thread-self/exe\n' },
    /its interpreter \/proc\/thread-self\/exe is/,
  ],
};

const overwrite = join(checkout, 'build/test/overwrite');
mkdirSync(join(checkout, 'build/test'), { recursive: true });
const flags = ['-std=c++20', '-O1', '-static', '-Wall', '-Wextra', '-Werror', '-o', overwrite];
execFileSync('g++', [...flags, join(checkout, 'test/launch/overwrite.cc')], { stdio: 'inherit' });

/** An installation that belongs to the user. */
function install(t: Test, user: User): string {
  const place = join(scratch(t, user), 'installation');
  cpSync(join(stage, 'package'), place, { recursive: true });
  if (isRoot) execFileSync('chown', ['-R', `${user.uid}:${user.gid}`, place]);
  return place;
}

/** What starts the launcher's program inside, if it can: by the link of /proc, or by a bind that can't be written. */
const ways: Tree = {
  'attack/script': '#!/proc/self/exe\n',
  'attack/link': { link: '/proc/self/exe' },
  'attack/interpreter': '#!/attack/link\n',
  'attack/bind': '#!/mnt/bin/ch-run-ts\n',
};

for (const user of users) {
  for (const [title, [tree, message]] of Object.entries(attacks)) {
    t.test(`${title} does not start the launcher's program inside, as ${user.name}`, (t) => {
      const own = copyImage(t, user);
      plant(own, tree, user);
      failsWith(t, run(user, [own, '--', '/attack', 'x']), 49, message);
      failsWith(t, run(user, ['--set-env=PATH=/', own, '--', 'attack', 'x']), 49, message);
      t.end();
    });
  }

  t.test(`a script for a shell that is the launcher's program does not start it, as ${user.name}`, (t) => {
    const own = copyImage(t, user);
    plant(own, { attack: 'echo hello\n', 'sh.new': { link: '/proc/self/exe' } }, user);
    t.equal(run(user, ['-w', own, '--', 'mv', '/sh.new', '/bin/sh']).status, 0);
    failsWith(t, run(user, [own, '--', '/attack']), 49, /its interpreter \/bin\/sh is the launcher's own/);
    t.end();
  });

  t.test(`a launch within a container, by the same program file, works, as ${user.name}`, (t) => {
    const plan = writePlan(t, user, encode(smallPlan(user)));
    const words = [image, '--', launcher, '--plan', plan, '--', 'echo', 'nested'];
    t.equal(runQuietly(t, user, words), 'nested\n');
    t.end();
  });

  t.test(`its bytes stay what they are under all attacks from inside, as ${user.name}`, async (t) => {
    const place = install(t, user);
    const program = join(place, 'bin/ch-run-ts');
    const own = copyImage(t, user);
    plant(own, ways, user);
    cpSync(overwrite, join(own, 'overwrite'));
    const words = ['--uid=0', '--no-config', `--bind=${place}:/mnt:ro`, own, '--'];
    // the process that waits is root in the container that the attacks are started in
    const waiting = spawn(program, [...words, '/overwrite', program, '/mnt/bin/ch-run-ts'], {
      env: environmentOf(user),
      stdio: ['pipe', 'pipe', 'inherit'],
      ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
    });
    let said = '';
    waiting.stdout.on('data', (part) => {
      said += part;
    });
    await once(waiting.stdout, 'data');
    const attempt = (way: string, enter: readonly string[]) =>
      start(user, program, [...enter, ...words, `/attack/${way}`]);
    const enter = [`--join-pid=${waiting.pid}`];
    for (let turn = 0; turn < 10; turn++)
      for (const way of ['script', 'link', 'interpreter'])
        for (const how of [[], enter]) failsWith(t, attempt(way, how), 49, "the launcher's own program file");
    // a launch within a container is no fault: it is seen, sooner or later
    for (let turn = 0; turn < 500 && !said.includes('opened'); turn++) {
      t.not(attempt('bind', enter).status, 49);
      await setTimeout(1);
    }
    waiting.stdin.end();
    await once(waiting, 'close');
    t.match(
      said,
      /^ready\nopened\nseen \d+ written 0\n$/,
      'it saw what a bind leads to, and could write nothing',
    );
    execFileSync('diff', ['-r', place, join(stage, 'package')]);
  });
}
