/** ch-oci-ts --doctor, in situations that are really there. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Finding, Report } from '../../src/doctor/finding.js';
import { runtime } from '../helpers/bundles.js';
import {
  isRoot,
  ordinaryUser,
  plant,
  probe,
  root,
  scratch,
  skip,
  start,
  type User,
  users,
} from '../helpers/support.js';

/** The findings of `wrap ch-oci-ts --doctor=json` by name; every refusal says what it means. */
function examine(t: Test, user: User, wrap: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const [program = runtime, ...rest] = [...wrap, runtime, '--doctor=json'];
  const { status, stdout, stderr, pid } = start(user, program, rest, { env });
  t.equal(stderr, '');
  const { healthy, findings } = JSON.parse(stdout) as Report;
  t.equal(status, healthy ? 0 : 1);
  for (const { name, verdict, detail, needed, consequence } of findings)
    if (verdict === 'no') t.ok(detail && (needed || consequence), `${name}: ${detail}`);
  const named = Object.fromEntries(findings.map((finding) => [finding.name, finding]));
  return { healthy, pid, named: named as Readonly<Record<string, Finding>> };
}

/** In mounts of its own, after `script`, as root of the machine or of a user namespace. */
const prepared = (script: string, ...options: string[]) => [
  ...['unshare', '--mount', ...options, 'sh', '-ec', `${script}\nexec "$@"`, 'sh'],
];

for (const user of users)
  t.test(`${user.name} is told what the machine allows containers`, (t) => {
    const { healthy, named, pid } = examine(t, user);
    t.ok(healthy);
    for (const name of [
      'root-directory',
      'namespaces',
      'time-namespace',
      'new-proc',
      'terminals',
      'device-binds',
    ])
      t.equal(named[name]?.verdict, 'yes', name);
    t.match(named['seccomp-actions'], { verdict: 'yes', detail: /kill process.*errno.*log/ });
    t.equal(named['seccomp-agent']?.verdict, 'yes');
    const forRoot = user === root ? 'yes' : 'no';
    for (const name of ['device-nodes', 'idmapped-mounts']) t.equal(named[name]?.verdict, forRoot, name);
    if (user !== root) t.match(named['idmapped-mounts'], { cause: 'only root of the machine can do that' });
    t.equal(named.apparmor?.verdict, existsSync('/sys/kernel/security/apparmor') ? 'yes' : 'no');
    t.equal(named.systemd?.verdict, existsSync('/run/systemd/system') ? 'yes' : 'no');
    if (user === root) t.match(named['control-groups'], { verdict: 'yes', detail: /^version [12]: / });
    t.equal(named.freezer?.verdict, named['control-groups']?.verdict);
    const { stdout } = start(user, 'find', ['/sys/fs/cgroup', '-name', `ch-oci-ts-doctor-${pid}`]);
    t.equal(stdout, '', 'no control group is left');
    t.end();
  });

t.test('what is refused is found out', (t) => {
  if (!isRoot) return skip(t, 'only root can hide control groups');
  const without = examine(t, root, prepared('mount --make-rprivate /; umount -R /sys/fs/cgroup'));
  t.match(without.named['control-groups'], { verdict: 'no', detail: 'there is no control group here' });
  t.match(without.named.freezer?.detail, /^not tried, because it needs control groups/);
  t.ok(without.healthy, 'containers can do without');

  const few = examine(t, ordinaryUser, prepared('echo 0 >/proc/sys/user/max_mnt_namespaces', '-Ur'));
  t.match(few.named['root-directory'], { verdict: 'no', needed: true, cause: /user.max_mnt_namespaces=0/ });
  t.notOk(few.healthy);

  const old = examine(t, root, [probe, 'with', 'forget=mount_setattr', '--']);
  t.match(old.named['idmapped-mounts'], {
    verdict: 'no',
    detail: /mount_setattr: function not implemented$/,
  });
  t.end();
});

t.test('the ids that /etc/subuid grants are mapped', (t) => {
  if (!isRoot || !existsSync('/usr/bin/newuidmap')) return skip(t, 'root and newuidmap are needed');
  const files = scratch(t);
  const { uid, gid } = ordinaryUser;
  plant(files, {
    passwd: `tester:x:${uid}:${gid}::/:/bin/sh\n`,
    group: `tester:x:${gid}:\n`,
    subuid: 'tester:300000:65536\n',
    subgid: 'tester:300000:65536\n',
  });
  const script = `mount --make-rprivate /
cd ${files}
for name in passwd group subuid subgid; do mount --bind $name /etc/$name; done
exec setpriv --reuid ${uid} --regid ${gid} --clear-groups "$@"`;
  const granted = examine(t, root, prepared(script), { USER: 'tester' });
  t.match(granted.named['id-ranges'], { verdict: 'yes' });
  plant(files, { 'bin/newgidmap': '#!/bin/sh\nexit 1\n' });
  const path = { PATH: `${files}/bin:${process.env.PATH}` };
  const refused = examine(t, root, prepared(script), { USER: 'tester', ...path });
  t.match(refused.named['id-ranges'], { verdict: 'no', detail: /newgidmap refused them/ });
  t.end();
});

t.test('systemd is asked by busctl', (t) => {
  const files = scratch(t);
  plant(files, { 'bin/busctl': '#!/bin/sh\necho \'s "252.1"\'\n' });
  const env = { PATH: `${join(files, 'bin')}:${process.env.PATH}` };
  t.match(examine(t, ordinaryUser, [], env).named.systemd, { verdict: 'yes', detail: '252.1' });
  plant(files, { 'bin/busctl': "#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n" });
  t.match(examine(t, ordinaryUser, [], env).named.systemd, {
    verdict: 'no',
    detail: 'Failed to connect to bus',
  });
  t.end();
});

t.test('CRIU says whether it can save containers here, to root', (t) => {
  t.match(examine(t, ordinaryUser).named.criu, { verdict: 'note', detail: 'for root of the machine only' });
  if (!isRoot) return t.end();
  const files = scratch(t);
  const env = { PATH: `${join(files, 'bin')}:/usr/bin:/bin` };
  plant(files, {
    'bin/criu': '#!/bin/sh\ncase $1 in check) echo Looks good.;; *) echo Version: 3.17.1; esac\n',
  });
  t.match(examine(t, root, [], env).named.criu, { verdict: 'yes', detail: '3.17.1' });
  plant(files, { 'bin/criu': '#!/bin/sh\necho Error: no PAGEMAP_SCAN >&2\nexit 1\n' });
  t.match(examine(t, root, [], env).named.criu, { verdict: 'no', detail: 'Error: no PAGEMAP_SCAN' });
  t.end();
});

t.test('the table says in words what JSON says', (t) => {
  const { status, stdout, stderr } = start(ordinaryUser, runtime, ['--doctor']);
  t.same([status, stderr], [0, '']);
  t.match(stdout, /^yes {3}namespaces of every kind$/m);
  t.match(stdout, /^no {4}making devices .*\n {6}means: the devices of containers are binds/m);
  t.match(stdout, /\nContainers can be run here\.\n$/);
  t.end();
});
