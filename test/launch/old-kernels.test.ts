/** Launches where newer system calls do not exist, and what is said where the needed ones are refused. */
import t from 'tap';
import {
  eventually,
  failsWith,
  image,
  launcher,
  makeImage,
  noSquashfs,
  probe,
  type Report,
  scratch,
  skip,
  start,
  users,
} from '../helpers/support.js';
import { packImage, serversOf } from './servers.js';

/** System calls that older kernels lack, or that filters of outer containers answer with EPERM. */
const absent = [
  'openat2',
  'open_tree',
  'mount_setattr',
  'open_tree,move_mount',
  'openat2,open_tree,move_mount,mount_setattr',
  'openat2:1',
  // as on a machine where something is renamed or mounted all the time
  'openat2:11',
  'open_tree:1',
  'mount_setattr:1',
  'openat2,open_tree,move_mount,mount_setattr:1',
];

for (const user of users) {
  const as = `, as ${user.name}`;
  /** Starts the launcher with these calls forgotten. */
  const without = (calls: string, words: readonly string[]) =>
    start(user, probe, ['with', `forget=${calls}`, '--', launcher, ...words]);

  for (const calls of absent) {
    t.test(`it works without ${calls}${as}`, (t) => {
      const { status, stdout, stderr } = without(calls, [image, '--', '/probe']);
      t.same([status, stderr], [0, '']);
      const { mounts } = JSON.parse(stdout) as Report;
      t.match(mounts[0], / \/ ro\b/, 'and read-only');
      t.match(without(calls, [image, '--', 'touch', '/file']), {
        status: 1,
        stderr: 'Read-only file system',
      });
      t.end();
    });

    t.test(`links in destinations stay inside the image without ${calls}${as}`, (t) => {
      const tree = {
        'real/inner/': null,
        abs: { link: '/real' },
        escape: { link: '../../../../../real' },
        loop: { link: 'loop' },
        chain: { link: 'abs/../chain2' },
        chain2: { link: './abs/./inner' },
      };
      const own = makeImage(t, tree, user);
      const source = scratch(t, user);
      const at = (destination: string) => {
        const { stdout, stderr } = without(calls, ['-b', `${source}:${destination}`, own, '--', '/probe']);
        t.equal(stderr, '', destination);
        return (JSON.parse(stdout) as Report).mounts.at(-1)?.split(' ')[4];
      };
      t.equal(at('/abs'), '/real');
      t.equal(at('/escape/inner'), '/real/inner');
      t.equal(at('/real/../abs/inner'), '/real/inner');
      t.equal(at('/../..//real/.'), '/real');
      t.equal(at('/chain'), '/real/inner');
      const bind = (destination: string) =>
        without(calls, ['-b', `${source}:${destination}`, own, '--', '/probe']);
      failsWith(t, bind('/loop'), 31, 'too many levels of symbolic links');
      failsWith(t, bind('/etc/passwd/x'), 31, '/etc/passwd');
      t.end();
    });
  }

  t.test(`what is mounted below a read-only bind is read-only without mount_setattr${as}`, (t) => {
    for (const calls of ['mount_setattr', 'openat2,open_tree,move_mount,mount_setattr']) {
      const { stdout, stderr } = without(calls, ['-b', '/dev:/mnt:ro', image, '--', '/probe']);
      t.equal(stderr, '');
      const { mounts } = JSON.parse(stdout) as Report;
      const below = mounts.map((line) => line.split(' ')).filter(([, , , , at]) => at?.startsWith('/mnt/'));
      t.ok(below.length > 0);
      // of several at one place the last one is in sight
      const inSight = new Map(below.map(([, , , , at, options]) => [at, options]));
      for (const [at, options] of inSight) t.match(options, /^ro\b/, `${at}`);
    }
    t.end();
  });

  t.test(`a SquashFS image is served without the new calls${as}`, async (t) => {
    if (noSquashfs) return skip(t, noSquashfs);
    const older = 'openat2,open_tree,move_mount,mount_setattr,fsopen,fsmount,pidfd_open,close_range';
    const { file } = packImage(t, { 'bin/': null }, user);
    for (const options of [[], ['-W'], ['-b', '/usr:/new/place'], ['-m', scratch(t, user)]]) {
      const { stdout, stderr } = without(older, [...options, file, '--', '/probe']);
      t.equal(stderr, '', options.join(' '));
      t.match((JSON.parse(stdout) as Report).mounts[0], options[0] === '-W' ? / \/ rw\b/ : / \/ ro\b/);
    }
    t.ok(await eventually(() => serversOf(file).length === 0), 'no server is left');
    const ending = start(user, probe, ['with', 'forget=mount:19', '--', launcher, file, '--', '/probe']);
    failsWith(t, ending, 84, /mount/);
  });

  t.test(`--write works without the new calls${as}`, (t) => {
    const own = makeImage(t, {}, user);
    const words = ['-w', '-b', `${scratch(t, user)}:/made/deep`, own, '--', '/probe'];
    t.match(without('openat2,open_tree,move_mount,mount_setattr', words), { status: 0, stderr: '' });
    t.end();
  });

  const refusals: readonly [string, string, string | undefined][] = [
    [
      'unshare:1',
      "can't create user and mount namespaces: unshare: operation not permitted",
      'user namespaces',
    ],
    ['unshare:28', 'unshare: no space left on device', 'no disk is full: the limit on namespaces is reached'],
    ['unshare:87', 'unshare: too many users', 'the limit on namespaces is reached'],
    ['unshare:22', 'unshare: invalid argument', 'CONFIG_USER_NS'],
    ['unshare:38', 'unshare: function not implemented', 'a seccomp filter'],
    ['mount:1', /can't .*: mount: operation not permitted/.source, 'user namespaces'],
    ['mount:12', 'mount: cannot allocate memory', undefined],
    [
      'pivot_root:1',
      "can't make the image the root directory: pivot_root: operation not permitted",
      undefined,
    ],
    ['pivot_root:22', "can't make the image the root directory: pivot_root: invalid argument", undefined],
  ];
  for (const [calls, message, hint] of refusals) {
    t.test(`where ${calls.replace(':', ' fails with errno ')}, the error says so${as}`, (t) => {
      failsWith(t, without(calls, [image, '--', 'true']), 31, new RegExp(message), hint);
      t.end();
    });
  }

  t.test(`a call that is forgotten is really gone${as}`, (t) => {
    // the tests above prove nothing if the filter did nothing
    failsWith(t, without('unshare', [image, '--', 'true']), 31, 'unshare: function not implemented');
    t.equal(without('no_such_call', [image, '--', 'true']).status, 92, 'a wrong name is noticed');
    t.end();
  });
}
