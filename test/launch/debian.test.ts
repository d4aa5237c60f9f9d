/** A real Debian tree, made here and now, and a Python program in it. */
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  failsWith,
  isRoot,
  ordinaryUser,
  run,
  runShell,
  scratch,
  skip,
  stage,
  start,
  type User,
  users,
} from '../helpers/support.js';

const root: User = { name: 'root', uid: 0, gid: 0 };

/** Why there can be no Debian tree here; undefined if there can. */
function missing(): string | undefined {
  if (!isRoot) return 'making a Debian tree needs root';
  if (spawnSync('mmdebstrap', ['--version']).error) return 'mmdebstrap is not installed';
  if (start(root, 'sh', ['-c', '. /etc/os-release; test "$ID" = debian']).status !== 0)
    return 'this is not Debian';
  return undefined;
}

/** From where this machine gets its packages: it can reach that. */
function sources(): string[] {
  const directory = '/etc/apt/sources.list.d';
  const files = readdirSync(directory).filter((name) => /^debian.*\.(sources|list)$/.test(name));
  return files.length > 0 ? files.map((name) => join(directory, name)) : ['/etc/apt/sources.list'];
}

const python = `
import ctypes, json, multiprocessing, os, pathlib, pwd, socket, subprocess, sys, tempfile, threading
with tempfile.NamedTemporaryFile() as file:
    file.write(b'x'); file.flush()
    size = os.stat(file.name).st_size
thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
print(json.dumps({
    'size': size,
    'user': pwd.getpwuid(os.getuid()).pw_uid,
    'release': pathlib.Path('/etc/debian_version').read_text().strip() != '',
    'child': subprocess.run(['dpkg', '--print-architecture'], capture_output=True, text=True).returncode,
    'writable': os.access('/', os.W_OK),
    'processes': multiprocessing.get_context('fork').Pool(2).map(abs, [-1, -2]),
    'version': sys.version_info[0],
}))
`;

const reason = missing();
t.test('a Debian tree made by mmdebstrap is an image', { timeout: 300_000 }, (t) => {
  if (reason) return skip(t, reason);
  const tree = join(scratch(t, root), 'debian');
  t.teardown(() => rmSync(tree, { recursive: true, force: true }));
  const words = [
    '--quiet',
    '--variant=minbase',
    '--include=python3',
    '--dpkgopt=path-exclude=/usr/share/{doc,man,locale}/*',
  ];
  const made = start(root, 'mmdebstrap', [...words, releaseName(), tree, ...sources()], {
    timeout: 280_000,
    env: process.env,
  });
  t.equal(made.status, 0, made.stderr);
  start(root, 'chmod', ['755', tree]);
  for (const user of users) {
    t.test(`a Python program runs in it, as ${user.name}`, (t) => {
      const { status, stdout, stderr } = run(user, [tree, '--', 'python3', '-c', python]);
      t.same([status, stderr], [0, '']);
      t.match(JSON.parse(stdout), {
        size: 1,
        user: user.uid,
        release: true,
        child: 0,
        writable: false,
        processes: [1, 2],
        version: 3,
      });
      t.end();
    });

    t.test(`its own programs work, as ${user.name}`, (t) => {
      t.equal(
        runShell(t, user, [tree], 'id -u; HOME=/tmp dpkg -s bash | grep Status'),
        `${user.uid}\nStatus: install ok installed`,
      );
      t.equal(runShell(t, user, ['-t', tree], 'df /tmp | tail -1 | cut -d" " -f1'), 'tmpfs');
      failsWith(t, run(user, [tree, '--', 'gcc']), 49, "can't start gcc: command not found");
      t.end();
    });
  }
  installsPackage(t, tree);
  t.ok(tree.startsWith(stage));
  return t.end();
});

/** cron: it adds a group, gives files to it, and has a program that runs with it. */
function installsPackage(t: Test, tree: string): void {
  t.test('apt-get installs a package with --seccomp', (t) => {
    if (run(root, ['--feature=seccomp']).status !== 0) return skip(t, 'built without libseccomp');
    // an image belongs to who unpacked it: this one to the ordinary user
    start(root, 'chown', ['-hR', `${ordinaryUser.uid}:${ordinaryUser.gid}`, tree]);
    const place = scratch(t);
    const conf = join(place, 'conf');
    // how this machine reaches its packages
    writeFileSync(conf, start(root, 'apt-config', ['dump', 'Acquire']).stdout);
    const words = ['-u0', '-g0', '-W1g', '--seccomp', '-b', `${conf}:/etc/apt/apt.conf.d/50host`, tree];
    const script =
      'id >/before && apt-get -qq update && apt-get -qq install --no-install-recommends cron && id | cmp - /before';
    const show =
      'stat -c %A:%u:%g /usr/bin/crontab && grep -c ^crontab /etc/group && dpkg -s cron | grep ^Status';
    const options = { timeout: 200_000, env: { DEBIAN_FRONTEND: 'noninteractive' } };
    const ending = run(ordinaryUser, [...words, '--', 'sh', '-c', `(${script}) >&2 && ${show}`], options);
    t.equal(ending.status, 0, ending.stderr);
    t.equal(ending.stdout, '-rwxr-sr-x:0:0\n1\nStatus: install ok installed\n');
    t.end();
  });
}

function releaseName(): string {
  return start(root, 'sh', ['-c', '. /etc/os-release; echo "$VERSION_CODENAME"']).stdout.trim();
}
