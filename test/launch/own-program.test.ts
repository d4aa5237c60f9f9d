/** The launcher's program file lies outside: nothing in an image starts it, or it could be written to from inside. */
import t from 'tap';
import { encode, smallPlan, writePlan } from '../helpers/plans.js';
import {
  copyImage,
  failsWith,
  image,
  launcher,
  plant,
  run,
  runQuietly,
  type Tree,
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
}
