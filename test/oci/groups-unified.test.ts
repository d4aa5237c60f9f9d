/** Control groups of version 2 alone: where this machine has others, too, in a mount namespace that shows only that. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeBundle, onHost, runtime } from '../helpers/bundles.js';
import { isRoot, skip, start, users } from '../helpers/support.js';

const script = `
set -u
mount --make-rprivate /
show_unified() { mount -t cgroup2 none /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup; }
try() { echo "$1: $(shift; "$@" 2>&1 | tr '\\n' ' ')"; }
oci() { "$RUNTIME" --root "$ROOT" "$@"; }
# what was mounted before is covered
show_unified
oci run -d covered >/dev/null 2>&1 </dev/null
try covered grep -o '"mount":"[^"]*"' "$ROOT/covered/groups.json"
oci delete -f covered
umount /sys/fs/cgroup
umount -R /sys/fs/cgroup
show_unified
oci run -d a >/dev/null 2>err </dev/null || cat err
group=$(sed -n 's/^0:://p' /proc/$(oci ps -f json a | tr -d '[]')/cgroup)
try group echo $group
[ -n "$group" ] || exit 1
try zero oci exec a head -c 0 /dev/zero
try denied oci exec a head -c 1 /dev/denied
try kernel cat /sys/fs/cgroup$group/hugetlb.2MB.max
oci pause a
try paused cat /sys/fs/cgroup$group/cgroup.freeze
oci resume a
try events sh -c 'oci() { "$RUNTIME" --root "$ROOT" "$@"; }; oci events --stats a'
# born in the group, without a move that waits for all processes; before Linux 5.7, or under a filter, it is moved
traced() { strace -f -o calls "$@"; echo "moves: $(grep -c cgroup.procs calls)"; }
try born traced "$RUNTIME" --root "$ROOT" exec a cat /proc/self/cgroup
try moved traced -e inject=clone3:error=ENOSYS "$RUNTIME" --root "$ROOT" exec a cat /proc/self/cgroup
# a container that has divided its group: no process may be in it any more
mkdir /sys/fs/cgroup$group/own
for pid in $(cat /sys/fs/cgroup$group/cgroup.procs); do echo $pid > /sys/fs/cgroup$group/own/cgroup.procs; done
echo +hugetlb > /sys/fs/cgroup$group/cgroup.subtree_control
try divided oci exec a cat /proc/self/cgroup
oci kill --all a KILL
oci delete -f a
strace -o calls -e inject=clone3:error=ENOSYS "$RUNTIME" --root "$ROOT" run -d b >/dev/null 2>&1 </dev/null
try other cat /proc/$(oci ps -f json b | tr -d '[]')/cgroup
oci delete -f b
try left ls -d /sys/fs/cgroup$group
`;

t.test('version 2: limits, devices by a program, freezing, a divided group, removal', (t) => {
  const [user] = users;
  if (!isRoot || !user) return skip(t, 'only root can mount control groups');
  const top = `ch-oci-ts-unified-${process.pid}`;
  const bundle = makeBundle(t, user, (config) => {
    onHost(config);
    const { process, linux } = config;
    process.args = ['sleep', '100'];
    linux.cgroupsPath = `/${top}/a`;
    linux.resources = {
      devices: [{ allow: false, access: 'rwm' }],
      hugepageLimits: [{ pageSize: '2MB', limit: 4 << 20 }],
    };
    // the kernel's messages, which root could read
    linux.devices = [{ path: '/dev/denied', type: 'c', major: 1, minor: 11, fileMode: 0o666 }];
  });
  const out = join(bundle.path, 'log');
  writeFileSync(out, '');
  const { stdout, stderr } = start(user, 'unshare', ['--mount', 'bash', '-c', script], {
    cwd: bundle.path,
    env: { ...process.env, RUNTIME: runtime, ROOT: bundle.root },
  });
  const found = new Map(
    stdout.split('\n').map((line) => [line.replace(/:.*/, ''), line.replace(/^[^:]*: ?/, '').trim()]),
  );
  t.equal(found.get('group'), `/${top}/a`, `${stdout}${stderr}`);
  t.equal(found.get('covered'), '"mount":"/sys/fs/cgroup"');
  t.equal(found.get('zero'), '');
  t.match(found.get('denied'), /operation not permitted/i);
  t.equal(found.get('kernel'), String(4 << 20));
  t.equal(found.get('paused'), '1');
  t.match(found.get('events'), /^\{"type":"stats","id":"a","data":\{"cpu":\{"usage":\{"total":\d+/);
  t.match(found.get('born'), new RegExp(`0::/${top}/a moves: 0$`));
  t.match(found.get('moved'), new RegExp(`0::/${top}/a moves: 1$`));
  t.match(found.get('other'), new RegExp(`0::/${top}/a$`));
  t.match(found.get('divided'), `0::/${top}/a/own`);
  t.match(found.get('left'), /No such file/);
  t.equal(stderr, '');
  t.notOk(existsSync(join('/sys/fs/cgroup/unified', top)));
  t.end();
});
