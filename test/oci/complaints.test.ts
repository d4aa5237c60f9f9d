/** What users of other runtimes complained about, where no other test shows that it is not so here. */
import t from 'tap';
import { type Config, makeBundle, runtimeWords, shellOf } from '../helpers/bundles.js';
import { isRoot, ordinaryUser, plant, root, scratch, skip, start, users } from '../helpers/support.js';

/** Runs words as a subreaper; prints who is its child after each of them, and in which state. */
const reaper = `
import ctypes, os, subprocess, sys
none = subprocess.DEVNULL
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
for words in sys.argv[1].split(';'):
    subprocess.run(sys.argv[2:] + words.split(), stdin=none, stdout=none, stderr=none, check=True)
    children = open('/proc/self/task/%d/children' % os.getpid()).read().split()
    print(' '.join(sorted(open('/proc/%s/stat' % pid).read().split(') ')[1][0] for pid in children)))
`;

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(`create, start and exec leave no zombie, but the processes of the container${as}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sleep', '100'];
    });
    const words = ['-c', reaper, 'create a;start a;exec a true;exec -d a sleep 100;state a'];
    const { stdout, stderr } = start(user, 'python3', [...words, ...runtimeWords, '--root', bundle.root], {
      cwd: bundle.path,
    });
    t.same([stdout.replaceAll('R', 'S'), stderr], ['S\nS\nS\nS S\nS S\n', '']);
    t.end();
  });

  t.test(`with control groups disabled, /sys/fs/cgroup shows control groups, read-only${as}`, (t) => {
    const bundle = makeBundle(t, user);
    const out = shellOf(
      t,
      bundle,
      'ls /sys/fs/cgroup | wc -l; mkdir /sys/fs/cgroup/x 2>&1; true',
      ({ mounts }: Config) => {
        mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro'] });
      },
    );
    t.match(out, /^[1-9]\d*\nmkdir: .*: (Read-only file system|Permission denied)$/);
    t.end();
  });

  t.test(`paths of /proc are read-only in the PID namespace of the caller, too${as}`, (t) => {
    const bundle = makeBundle(t, user);
    const out = shellOf(
      t,
      bundle,
      'grep -cE " /proc/(sys|bus) ro," /proc/self/mountinfo',
      ({ linux }: Config) => {
        linux.namespaces = linux.namespaces.filter(({ type }: Config) => type !== 'pid');
        linux.readonlyPaths = ['/proc/sys', '/proc/bus'];
      },
    );
    t.equal(out, '2');
    t.end();
  });
}

t.test('binds and a read-only root keep the flags that a user may not change', (t) => {
  if (!isRoot) return skip(t, 'only root can mount a file system with such flags');
  const bundle = makeBundle(t, ordinaryUser, (config) => {
    config.root.readonly = true;
    config.mounts.push({
      destination: '/mnt',
      source: '/mnt',
      options: ['bind', 'ro', 'exec', 'suid', 'dev'],
    });
    config.process.args = ['sh', '-c', 'grep " /mnt " /proc/self/mountinfo | cut -d" " -f6; cat /mnt/file'];
  });
  const { uid, gid } = ordinaryUser;
  const script = `mount -t tmpfs -o nosuid,nodev,noexec,noatime tmpfs /mnt && echo x >/mnt/file && mount -o remount,bind,ro /mnt &&
    exec setpriv --reuid ${uid} --regid ${gid} --clear-groups "$@"`;
  const words = ['--mount', 'sh', '-c', script, 'sh', ...runtimeWords, '--root', bundle.root, 'run', 'a'];
  const { stdout, stderr } = start(root, 'unshare', words, { cwd: bundle.path });
  t.same([stdout, stderr], ['ro,nosuid,nodev,noexec,noatime\nx\n', '']);
  t.end();
});

t.test('a working directory that only who makes the container, or only its user, may search', (t) => {
  if (!isRoot) return skip(t, 'it needs files of two users');
  const place = scratch(t, root);
  plant(place, { 'closed/file': 'x\n' }, root);
  start(root, 'chmod', ['700', `${place}/closed`]);
  const bundle = makeBundle(t, root, (config) => {
    config.mounts.push({ destination: '/mnt', source: place, options: ['bind'] });
    config.process.cwd = '/mnt/closed';
    config.process.user = { uid: 7, gid: 7 };
    config.process.args = ['pwd'];
    config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 100 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 100 }];
  });
  t.equal(bundle.oci(['run', 'a']).stdout, '/mnt/closed\n');
  start(root, 'chown', ['7:7', `${place}/closed`]);
  t.equal(bundle.oci(['run', 'a']).stdout, '/mnt/closed\n');
  t.end();
});
