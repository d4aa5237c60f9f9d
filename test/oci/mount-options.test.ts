/** Mounts with mapped ids, and options that change what is mounted already. */
import { join } from 'node:path';
import t from 'tap';
import { type Bundle, type Config, makeBundle, onHost, runtimeWords, shellOf } from '../helpers/bundles.js';
import {
  copyImage,
  isRoot,
  ordinaryUser,
  plant,
  root,
  scratch,
  skip,
  start,
  users,
} from '../helpers/support.js';

const map = (first: number, size: number) => [{ containerID: 0, hostID: first, size }];

/** Runs the bundle beside a tmpfs at /mnt with files of root and of user 5, and another file system below. */
function runBesideFiles(bundle: Bundle): { stdout: string; stderr: string } {
  const script = `mount -t tmpfs tmpfs /mnt && mkdir /mnt/below && mount -t tmpfs tmpfs /mnt/below &&
    touch /mnt/a /mnt/b /mnt/below/c && chown 5:6 /mnt/b && exec "$@"`;
  const words = ['--mount', 'sh', '-c', script, 'sh', ...runtimeWords, '--root', bundle.root, 'run', 'a'];
  return start(root, 'unshare', words, { cwd: bundle.path });
}

const owners = ['stat', '-c', '%u:%g', '/mnt/a', '/mnt/b', '/mnt/below/c'];

t.test('ids of a bind are mapped: by the maps of the container, or by its own, also below', (t) => {
  if (!isRoot) return skip(t, 'only root can map the ids of a mount');
  const bundle = makeBundle(t, root);
  const run = (options: readonly string[], change: (config: Config) => void, own: object = {}) => {
    bundle.write((config) => {
      change(config);
      config.process.args = owners;
      config.mounts.push({ destination: '/mnt', source: '/mnt', options, ...own });
    });
    return runBesideFiles(bundle);
  };
  const mapped = ({ linux }: Config) => {
    linux.uidMappings = map(100_000, 1000);
    linux.gidMappings = map(200_000, 1000);
  };
  t.equal(run(['rbind'], mapped).stdout, '65534:65534\n65534:65534\n65534:65534\n', 'as it is without');
  t.equal(run(['rbind', 'idmap'], mapped).stdout, '0:0\n5:6\n65534:65534\n');
  t.equal(run(['rbind', 'ridmap', 'ro'], mapped).stdout, '0:0\n5:6\n0:0\n');
  const own = { uidMappings: map(3000, 10), gidMappings: map(4000, 10) };
  t.equal(run(['rbind'], onHost, own).stdout, '3000:4000\n3005:4006\n0:0\n');
  t.match(run(['rbind', 'idmap'], onHost).stderr, /the mount at \/mnt needs uidMappings and gidMappings/);
  t.end();
});

t.test('ids that may not be mapped are an error by the name of the mount', (t) => {
  const source = scratch(t, ordinaryUser);
  const bundle = makeBundle(t, ordinaryUser, (config) => {
    config.mounts.push({ destination: '/data', source, options: ['bind', 'idmap'] });
  });
  t.match(bundle.oci(['run', 'a']), {
    status: 1,
    stderr: new RegExp(
      `^ch-oci-ts: error: can't map the ids of the mount of ${source}: open_tree: operation not permitted \\(only root`,
    ),
  });
  bundle.write((config) => {
    config.mounts.push({ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: ['idmap'] });
  });
  t.match(bundle.oci(['run', 'a']), {
    status: 1,
    stderr: /ids of the mount at \/data can't be mapped: it is not a bind/,
  });
  t.end();
});

for (const user of users)
  t.test(`a mount is changed by a later one with remount, as ${user.name}`, (t) => {
    const bundle = makeBundle(t, user);
    const script = 'grep -c " /data ro,.*size=8k" /proc/self/mountinfo; touch /data/x 2>&1; ls /data';
    const out = shellOf(t, bundle, script, ({ mounts }: Config) => {
      mounts.push({ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: ['size=4k'] });
      mounts.push({ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: ['remount', 'size=8k'] });
      mounts.push({ destination: '/data', source: 'none', options: ['remount', 'bind', 'ro'] });
    });
    t.match(out, /^1\ntouch: .*: Read-only file system$/);
    bundle.write(({ mounts }) => {
      mounts.push({ destination: '/usr', source: 'none', options: ['remount', 'ro'] });
    });
    t.match(bundle.oci(['run', 'a']), { status: 1, stderr: /can't remount \/usr: mount: invalid argument/ });
    t.end();
  });

t.test('with dest-nofollow a link is covered, and what it leads to is not', (t) => {
  const image = copyImage(t);
  plant(image, { 'data/real': 'real\n', 'data/link': { link: 'real' } });
  const source = scratch(t, ordinaryUser);
  plant(source, { file: 'new\n' });
  const bundle = makeBundle(t, ordinaryUser);
  const read = (options: readonly string[]) =>
    shellOf(t, bundle, 'cat /data/real /data/link', (config: Config) => {
      config.root.path = image;
      config.mounts.push({ destination: '/data/link', source: join(source, 'file'), options });
    });
  t.equal(read(['bind']), 'new\nnew');
  t.equal(read(['bind', 'dest-nofollow']), 'real\nnew');
  t.end();
});

for (const user of users)
  t.test(`a source that is a link is copied, mounted as a link, or followed, as ${user.name}`, (t) => {
    const image = copyImage(t, user);
    const source = scratch(t, user);
    plant(source, { file: 'text', link: { link: 'elsewhere' }, file2: { link: 'file' } }, user);
    plant(image, { same: { link: 'elsewhere' }, other: 'other' }, user);
    const bundle = makeBundle(t, user, (config) => {
      config.root = { path: image };
    });
    const run = (name: string, destination: string, ...options: readonly string[]) => {
      bundle.write((config) => {
        config.mounts.push({ destination, source: `${source}/${name}`, options });
        config.process.args = [
          'sh',
          '-c',
          `readlink ${destination} || cat ${destination}; grep -c ' ${destination} ' /proc/self/mountinfo`,
        ];
      });
      const { stdout, stderr } = bundle.oci(['run', 'a']);
      return stdout || stderr;
    };
    t.equal(run('link', '/new/place', 'bind', 'copy-symlink'), 'elsewhere\n0\n');
    t.equal(run('link', '/same', 'bind', 'copy-symlink'), 'elsewhere\n0\n');
    t.match(
      run('link', '/other', 'bind', 'copy-symlink'),
      /can't make the link \/other: there is something else/,
    );
    t.equal(run('link', '/mounted', 'bind', 'src-nofollow', 'ro'), 'elsewhere\n1\n');
    t.match(
      run('link', '/followed', 'bind'),
      /bind .*link to \/followed: open_tree: no such file or directory/,
    );
    for (const option of ['copy-symlink', 'src-nofollow'])
      t.equal(run('file', '/plain', 'bind', option), 'text1\n', `a file with ${option}`);
    t.equal(run('file2', '/followed', 'bind'), 'text1\n');
    bundle.write((config) => {
      config.mounts.push({ destination: '/t', type: 'tmpfs', source: 't', options: ['src-nofollow'] });
    });
    t.match(bundle.oci(['run', 'a']), {
      status: 1,
      stderr: /option src-nofollow of the mount at \/t is refused: it is for binds/,
    });
    t.end();
  });
