/** Bundles of images, run by ch-oci-ts, runc and crun as an ordinary user and as root. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runtimeWords, until } from '../helpers/bundles.js';
import { makeSif } from '../helpers/sif.js';
import { copyImage, environmentOf, isRoot, plant, start, type User } from '../helpers/support.js';
import { makePlace, type Place, program, refuses, test } from './image.js';

t.setTimeout(180_000);

const script = `echo "[$A] $(id -u):$(id -g) $(pwd) HOME=$HOME"
cat /data/file; echo more >>/data/file && tail -n 1 /data/file
touch /x 2>/dev/null || echo read-only
[ -c /dev/null ] && [ -d /proc/self ] && [ -d /sys/kernel ] && echo devices
[ ! -s /host-has-it ] || grep -q ' /etc/resolv.conf ' /proc/self/mountinfo && echo names
echo $(($(stat -f -c '%b * %S' /dev/shm) / 1024))
readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/pid`;

/** crun refuses a machine that has both versions of control groups: it sees version 2 alone. */
function crun({ uid }: User): readonly string[] {
  const namespaces = uid === 0 ? ['-m'] : ['-U', '--map-current-user', '--keep-caps', '-m'];
  const groups = '/sys/fs/cgroup';
  const script = `[ ! -d ${groups}/unified ] || mount --bind ${groups}/unified ${groups}; exec crun "$@"`;
  return ['unshare', ...namespaces, 'sh', '-c', script, 'crun', '--cgroup-manager=disabled'];
}
const runtimes = (user: User) => [runtimeWords, ['runc'], crun(user)];

interface Images {
  readonly place: Place;
  /** Runs a bundle, and returns the lines that it prints. */
  run(words: readonly string[], bundle: string): readonly string[];
}

/** An image as a directory, ./tree, and as a SquashFS file, ./file. */
function makeImages(
  t: Test,
  user: User,
  config: object = {},
  tree: Parameters<typeof plant>[1] = {},
): Images {
  const place = makePlace(t, user);
  const directory = copyImage(t, user);
  const all = {
    Entrypoint: ['sh', '-c'],
    Cmd: [script],
    Env: ['A=x  y'],
    WorkingDir: '/made/here',
    Volumes: { '/data': {} },
    ...config,
  };
  const host = existsSync('/etc/resolv.conf') ? 'yes' : '';
  const files = {
    'data/file': 'kept\n',
    'host-has-it': host,
    'ch/config.json': JSON.stringify({ config: all }),
  };
  plant(directory, { ...files, ...tree }, user);
  symlinkSync(directory, join(place.directory, 'tree'));
  t.equal(place.image(['convert', '-q', `dir:${directory}`, 'file']).stderr, '');
  return {
    place,
    run: ([command = '', ...words], bundle) => {
      const root = join(place.directory, `of-${command.replaceAll('/', '-')}`);
      const { status, stdout, stderr } = start(user, command, [...words, '--root', root, 'run', 'job'], {
        cwd: join(place.directory, bundle),
        env: { PATH: `${environmentOf(user).PATH}:/usr/sbin`, XDG_RUNTIME_DIR: place.directory },
        timeout: 30_000,
      });
      t.equal(status, 0, `${command}: ${stderr}`);
      return stdout.trimEnd().split('\n');
    },
  };
}

const shell = (user: User, text: string) => start(user, 'sh', ['-c', text]).stdout.trim().split('\n');
const namespacesOf = (user: User) => shell(user, script.split('\n').at(-1) ?? '');
const sharedMemoryOf = (user: User) => shell(user, script.split('\n').at(-2) ?? '');
const common = ['[x  y] 0:0 /made/here HOME=/root', 'kept', 'more', 'read-only', 'devices', 'names'];

test('runtimes run a bundle as the image says, with the host around it', (t, user) => {
  const { place, run } = makeImages(t, user);
  const { stdout, stderr } = place.image(['bundle', 'file', 'job']);
  t.same([stdout, stderr], ['job: of file\n', '']);
  t.equal(place.image(['bundle', '-q', './tree', 'copy']).stderr, '');
  const expected = [...common, ...sharedMemoryOf(user), ...namespacesOf(user)];
  for (const bundle of ['job', 'copy'])
    for (const words of runtimes(user)) t.same(run(words, bundle), expected, `${bundle}: ${words[0]}`);
  t.same(run([...runtimeWords], 'job'), expected, 'nothing that was written is kept');
});

test('what the caller binds and the devices that he names are in a bundle', (t, user) => {
  const Cmd = [
    'cat /data/more /opt/driver/lib; echo $DRIVER; echo x 2>/dev/null >/data/new || echo read-only; ls /mnt',
  ];
  const { place, run } = makeImages(t, user, { Cmd, Volumes: {} });
  const directory = join(place.directory, 'mine');
  plant(directory, { more: 'bound\n', lib: 'of the driver\n' }, user);
  const edits = {
    env: ['DRIVER=1'],
    mounts: [{ hostPath: directory, containerPath: '/opt/driver', options: ['ro', 'nosuid', 'bind'] }],
    deviceNodes: [{ path: '/mnt/null', hostPath: '/dev/null' }],
    hooks: [
      {
        hookName: 'createRuntime',
        path: '/bin/sh',
        args: ['sh', '-c', `cat >/dev/null; echo ran > ${directory}/hook`],
      },
    ],
  };
  const file = join(place.directory, 'cdi.json');
  const cdi = { cdiVersion: '0.6.0', kind: 'v.com/c', devices: [{ name: 'd', containerEdits: edits }] };
  writeFileSync(file, JSON.stringify(cdi));
  const words = [
    'bundle',
    '-q',
    `--bind=${directory}:/data:ro`,
    '-b',
    '/nowhere:/x:optional',
    '--device',
    file,
  ];
  t.equal(place.image([...words, 'file', 'job']).stderr, '');
  for (const runtime of runtimes(user))
    t.same(run(runtime, 'job'), ['bound', 'of the driver', '1', 'read-only', 'null'], runtime.join(' '));
  t.equal(readFileSync(join(directory, 'hook'), 'utf8'), 'ran\n');
  const { mounts } = JSON.parse(readFileSync(join(place.directory, 'job/config.json'), 'utf8'));
  t.equal(mounts.filter((mount: { destination: string }) => mount.destination === '/data').length, 1);
  refuses(t, place.image(['bundle', '-b', '/nowhere', 'file', 'x']), /can't bind \/nowhere: no such file/);
});

test('with --isolate, a bundle shares nothing with the host but its devices', (t, user) => {
  const { place, run } = makeImages(t, user);
  t.equal(place.image(['bundle', '-q', '--isolate', '--shm-size=8M', 'file', 'job']).stderr, '');
  for (const words of runtimes(user)) {
    const lines = run(words, 'job');
    t.same(lines.slice(0, -3), [...common, '8192']);
    for (const [at, namespace] of namespacesOf(user).entries()) t.not(lines.at(at - 3), namespace);
  }
});

test('with --in-place, ch-oci-ts runs the SquashFS or SIF file itself', (t, user) => {
  const { place, run } = makeImages(t, user);
  writeFileSync(join(place.directory, 'sif'), makeSif(readFileSync(join(place.directory, 'file'))));
  const expected = [...common, ...sharedMemoryOf(user), ...namespacesOf(user)];
  for (const name of ['file', 'sif']) {
    t.equal(place.image(['bundle', '-q', '--in-place', name, `of-${name}`]).stderr, '');
    t.same(readdirSync(join(place.directory, `of-${name}`)), ['config.json']);
    t.same(run(runtimeWords, `of-${name}`), expected);
  }
  t.equal(place.image(['bundle', '-q', '--in-place', '--isolate', 'file', 'apart']).stderr, '');
  t.equal(run(runtimeWords, 'apart')[0], common[0]);
  refuses(
    t,
    place.image(['bundle', '--in-place', './tree', 'x']),
    /--in-place needs a SquashFS or SIF file/,
    /./,
    64,
  );
});

test('a file can only be the root of a container that has one user and group', (t, user) => {
  const { place } = makeImages(t, user);
  t.equal(place.image(['bundle', '-q', '--in-place', 'file', 'job']).stderr, '');
  const path = join(place.directory, 'job/config.json');
  const config = JSON.parse(readFileSync(path, 'utf8'));
  const fails = (message: RegExp) => {
    start(user, 'tee', [path], { input: JSON.stringify(config) });
    const [command = '', ...words] = runtimeWords;
    const { status, stderr } = start(user, command, [...words, '--root', place.storage, 'run', 'job'], {
      cwd: join(place.directory, 'job'),
    });
    t.not(status, 0);
    t.match(stderr, message);
  };
  config.linux.uidMappings.push({ containerID: 1, hostID: 300_000, size: 10 });
  fails(
    /the root file system .*file is a file: that needs a user namespace where only your own ids are mapped/,
  );
  writeFileSync(join(place.directory, 'none'), 'x'.repeat(9000));
  config.root.path = join(place.directory, 'none');
  fails(/unknown image type: the root file system .*none is /);
});

test('the user of an image is looked up in its own files, wherever links there lead', (t, user) => {
  const { place, run } = makeImages(
    t,
    user,
    { User: 'joe:staff', WorkingDir: '/' },
    { 'names/passwd': 'joe:x:1234:77::/home/joe:/bin/sh\n', 'names/group': 'staff:x:88:\n' },
  );
  const tree = join(place.directory, 'tree');
  for (const name of ['passwd', 'group'])
    start(user, 'ln', ['-sf', `../../../..//names/${name}`, join(tree, 'etc', name)]);
  t.equal(place.image(['bundle', '-q', './tree', 'job']).stderr, '');
  for (const words of [runtimeWords, crun(user)])
    t.equal(run(words, 'job')[0], '[x  y] 1234:88 / HOME=/home/joe', words[0] ?? '');
});

test('labels that runtimes obey are left out, and named', (t, user) => {
  const { place } = makeImages(t, user, { Labels: { 'run.oci.x': '1', mine: '2' } });
  t.match(
    place.image(['bundle', '--in-place', 'file', 'job']).stderr,
    /warning: left out: the label run\.oci\.x, /,
  );
  const { annotations } = JSON.parse(readFileSync(join(place.directory, 'job/config.json'), 'utf8'));
  t.same(annotations, { mine: '2' });
});

test('a bundle is there whole or not at all', async (t, user) => {
  const { place } = makeImages(t, user);
  const left = () => readdirSync(place.directory).filter((name) => name.includes('job'));
  refuses(t, place.image(['bundle', 'file', 'no/job']), /there is no directory .*\/no$/);
  refuses(t, place.image(['bundle', 'missing', 'job']), /there is no image missing/, /./);
  writeFileSync(
    join(place.directory, 'broken'),
    readFileSync(join(place.directory, 'file')).subarray(0, 40_000),
  );
  t.equal(place.image(['bundle', 'broken', 'job']).status, 31);
  t.same(left(), []);
  const words = ['--fsize=30000', program, 'bundle', 'file', 'job'];
  const { status, stderr } = start(user, 'prlimit', words, { cwd: place.directory });
  t.equal(status, 31);
  t.match(stderr, /file too large/);
  t.same(left(), []);
  // something that takes long: it is stopped when it has begun
  start(user, 'sh', ['-c', 'head -c 200M /dev/urandom >tree/large'], { cwd: place.directory });
  const child = spawn(program, ['bundle', './tree', 'job'], {
    cwd: place.directory,
    env: environmentOf(user),
    stdio: 'ignore',
    ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
  });
  await until(() => left().length > 0, 'it has begun');
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  t.same(await ended, [null, 'SIGTERM']);
  t.same(left(), []);
  mkdirSync(join(place.directory, 'job'));
  refuses(
    t,
    place.image(['bundle', 'file', 'job']),
    /can't make the bundle job: it exists already/,
    /new directory/,
  );
});
