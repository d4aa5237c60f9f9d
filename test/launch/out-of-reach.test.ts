/** Paths that can't be examined, and were not asked for, do not prevent a launch. */
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  failsWith,
  image,
  isRoot,
  ordinaryUser,
  probe,
  run,
  scratch,
  start,
  users,
} from '../helpers/support.js';

const root = { name: 'root', uid: 0, gid: 0 };

t.test('/opt and /var/spool that users may not search are as if they were not there', (t) => {
  if (!isRoot) return t.end();
  const script =
    'mkdir "$1/shut" && chmod 700 "$1/shut" && for d in /opt /var/spool; do mount --bind "$1/shut" $d; done; shift; exec "$@"';
  const place = scratch(t, root);
  const as = [
    'setpriv',
    '--reuid',
    `${ordinaryUser.uid}`,
    '--regid',
    `${ordinaryUser.gid}`,
    '--clear-groups',
  ];
  const launch = [...as, probe.replace(/probe$/, 'package/bin/ch-run-ts'), image, '--', 'echo', 'in'];
  const { stdout, stderr } = start(root, 'unshare', ['-m', 'sh', '-c', script, 'sh', place, ...launch]);
  t.same([stdout, stderr], ['in\n', '']);
  return t.end();
});

for (const user of users) {
  t.test(`a HOME that leads nowhere does no harm, as ${user.name}`, (t) => {
    const place = scratch(t, user);
    symlinkSync('loop', join(place, 'loop'));
    for (const home of [
      `${place}/loop`,
      `${place}/loop/x`,
      `/${'x'.repeat(300)}`,
      `/${'long/'.repeat(1000)}`,
    ]) {
      const { stdout, stderr } = run(user, [image, '--', 'echo', 'in'], { env: { HOME: home } });
      t.same([stdout, stderr], ['in\n', ''], home.slice(0, 80));
    }
    t.end();
  });
}

t.test('an optional bind of what is out of reach is skipped, another is an error', (t) => {
  if (!isRoot) return t.end();
  const place = scratch(t, root);
  mkdirSync(join(place, 'shut/inside'), { recursive: true });
  chmodSync(join(place, 'shut'), 0o700);
  const bind = (flag: string) =>
    run(ordinaryUser, ['-b', `${place}/shut/inside:/mnt${flag}`, image, '--', 'echo', 'in']);
  for (const flag of [':optional', ':optional,create']) t.match(bind(flag), { stdout: 'in\n', stderr: '' });
  failsWith(t, bind(''), 31, `can't bind ${place}/shut/inside: open_tree: permission denied`);
  return t.end();
});

t.test('an optional bind of what only its owner may open works as a plain one', (t) => {
  const place = scratch(t, ordinaryUser);
  mkdirSync(join(place, 'own/inside'), { recursive: true });
  if (isRoot) start(root, 'chown', ['-R', `${ordinaryUser.uid}:${ordinaryUser.gid}`, place]);
  chmodSync(join(place, 'own'), 0);
  for (const flag of ['', ':optional']) {
    const words = [
      '-b',
      `${place}/own/inside:/mnt${flag}`,
      image,
      '--',
      'grep',
      '-c',
      ' /mnt ',
      '/proc/self/mounts',
    ];
    t.match(run(ordinaryUser, words), { stdout: '1\n', stderr: '' }, flag);
  }
  chmodSync(join(place, 'own'), 0o755);
  t.end();
});
