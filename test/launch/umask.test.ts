/** A user's umask, also one that leaves the user nothing, changes nothing about what launches depend on. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  copyImage,
  environmentOf,
  image,
  isRoot,
  launcher,
  noSquashfs,
  scratch,
  squashed,
  start,
  ordinaryUser as user,
} from '../helpers/support.js';

const root = { name: 'root', uid: 0, gid: 0 };
const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);

for (const mask of ['077', '0777']) {
  const under = (words: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    start(user, 'sh', ['-c', `umask ${mask}; exec "$@"`, 'sh', launcher, ...words], { env });

  t.test(`a first launch under umask ${mask} is remembered`, (t) => {
    const home = scratch(t, user);
    const first = under([image, '--', 'true'], { HOME: home });
    t.match(first, { status: 0, stderr: '' });
    const cache = join(home, '.cache/ch-run-ts');
    t.same([modeOf(join(home, '.cache')), modeOf(cache)], ['700', '700']);
    const [name = ''] = readdirSync(cache);
    t.equal(modeOf(join(cache, name)), '600');
    const second = under(['-v', '-v', '-v', image, '--', 'true'], { HOME: home });
    t.equal(second.status, 0);
    t.notMatch(second.stderr, /can't remember|permission denied/);
    t.end();
  });

  t.test(`an overlay directory made under umask ${mask} is used again`, (t) => {
    const place = join(scratch(t, user), 'o');
    const words = ['--overlay', place, '-b', '/etc/hosts:/made/file', image, '--', 'sh', '-c'];
    const script = 'umask 022; cat /old; echo kept >/old; stat -c %a /made';
    t.match(under([...words, script]), { status: 0, stdout: '755\n' });
    t.match(under([...words, script]), { status: 0, stdout: 'kept\n755\n', stderr: '' });
    t.equal(modeOf(place), '700');
    t.equal(modeOf(join(place, 'upper/made/file')), '644', 'the place itself');
    t.end();
  });

  t.test(`places made in an image and in a private /tmp under umask ${mask} can be used`, (t) => {
    const own = copyImage(t, user);
    const place = scratch(t, user);
    writeFileSync(join(place, 'file'), 'content');
    const binds = ['-b', `${place}:/a/b`, '-b', `${place}/file:/c/file`, '-b', `${place}:/tmp/d/e`];
    const { stdout, stderr } = under([
      '-w',
      '-t',
      ...binds,
      own,
      '--',
      'cat',
      '/a/b/file',
      '/c/file',
      '/tmp/d/e/file',
    ]);
    t.same([stdout, stderr], ['contentcontentcontent', '']);
    t.same(
      ['a', 'a/b', 'c', 'c/file'].map((name) => modeOf(join(own, name))),
      ['755', '755', '755', '644'],
    );
    t.end();
  });

  t.test(`peers that start under umask ${mask} share a container`, (t) => {
    const join_ = `"$0" --join --join-ct=2 --join-tag=umask${mask}-${process.pid} ${image} -- readlink /proc/self/ns/mnt`;
    const { stdout, stderr } = start(user, 'sh', [
      '-c',
      `umask ${mask}; ${join_} & ${join_}; wait`,
      launcher,
    ]);
    const [first, second] = stdout.trim().split('\n');
    t.equal(stderr, '');
    t.ok(first);
    t.equal(first, second);
    t.end();
  });

  t.test(`SquashFS images run under umask ${mask}`, (t) => {
    if (noSquashfs) return t.end();
    for (const options of [[], ['-W'], ['--no-share']])
      t.match(under([...options, squashed, '--', 'cat', '/etc/os-release']), {
        status: 0,
        stderr: '',
        stdout: readFileSync(join(image, 'etc/os-release'), 'utf8'),
      });
    return t.end();
  });

  t.test(`who has the umask ${mask} can reach the file-system server's socket`, (t) => {
    if (noSquashfs || !isRoot) return t.end();
    const directory = `/run/user/${user.uid}`;
    const ids = `setpriv --reuid=${user.uid} --regid=${user.gid} --clear-groups`;
    const script = [
      `mount -t tmpfs none /run; mkdir -p ${directory}; chown ${user.uid} ${directory}; chmod 700 ${directory}`,
      `mkfifo /run/go; umask ${mask}`,
      `${ids} "$0" ${squashed} -- sh -c 'echo runs; read word' </run/go >/run/said & exec 3>/run/go`,
      `until [ -s /run/said ]; do sleep .02; done; stat -c %a ${directory}/*`,
      `${ids} "$0" ${squashed} -- true; echo >&3; wait`,
    ];
    const { stdout, stderr } = start(root, 'unshare', ['-m', 'sh', '-c', script.join('\n'), launcher], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: environmentOf(user),
    });
    t.same([stdout, stderr], ['600\n', '']);
    return t.end();
  });
}
