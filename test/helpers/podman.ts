/** Rootless podman with ch-oci-ts as its runtime, in its own namespaces: it leaves nothing on the machine. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { runtime } from './bundles.js';
import { isRoot, ordinaryUser, root, scratch, start } from './support.js';

/** Why it can't be tried here; undefined if it can. */
export const noPodman = findObstacle();

function findObstacle(): string | undefined {
  if (!isRoot) return 'only root can give an ordinary user a name and further ids';
  const missing = ['podman', 'conmon', 'newuidmap', 'slirp4netns', 'busybox'].filter(
    (name) => start(root, 'sh', ['-c', `command -v ${name}`]).status !== 0,
  );
  return missing.length > 0 ? `there is no ${missing.join(', no ')}` : undefined;
}

/** In a mount namespace, gives the user a name, subordinate ids and a network device; then runs the script as that user. */
const outer = `
set -eu
mount --make-rprivate /
for name in passwd group subuid subgid; do mount --bind "$ROOM/$name" /etc/$name; done
mkdir -p /dev/net
mknod -m 666 "$ROOM/tun" c 10 200
[ ! -e /dev/net/tun ] || mount --bind "$ROOM/tun" /dev/net/tun
# its locks and drafts
for place in /dev/shm /var/tmp; do mount -t tmpfs -o mode=1777 tmpfs $place; done
# short paths: those of sockets have a limit
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir -m 700 /mnt/home /mnt/run
chown "$ID:$GROUP" /mnt/home /mnt/run
exec setpriv --reuid "$ID" --regid "$GROUP" --clear-groups env -i HOME=/mnt/home OUT="$ROOM/out" USER=tester XDG_RUNTIME_DIR=/mnt/run \\
  PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin bash -c "$1"
`;

/** As the machine's root: with its own directories in memory, runs the script. */
const outerAsRoot = `
set -eu
mount --make-rprivate /
for place in /dev/shm /var/tmp /run /var/lib/containers /mnt; do mkdir -p $place; mount -t tmpfs -o mode=1777 tmpfs $place; done
mkdir -m 700 /mnt/home /mnt/run
status=0
env -i HOME=/mnt/home OUT="$ROOM/out" PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin bash -c "$1" || status=$?
# what podman itself leaves: only processes of this PID namespace have numbers here
for pid in $(find /sys/fs/cgroup -path '*libpod_parent*' -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | grep -vx 0); do kill -9 $pid 2>/dev/null || :; done
# a group is empty a moment after its last process was killed
for i in $(seq 300); do
  find /sys/fs/cgroup -depth -path '*libpod_parent*' -type d -exec rmdir {} \\; 2>/dev/null || :
  [ -n "$(find /sys/fs/cgroup -path '*libpod_parent*' -type d)" ] || break
  sleep 0.1
done
exit $status
`;

/** Process 1: podman waits until conmon is no zombie, and a shell that waits for a command reaps nothing else. */
const reaper = `
import os, sys
child = os.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    ended, status = os.wait()
    if ended == child:
        sys.exit(os.waitstatus_to_exitcode(status) & 255)
`;

const inner = (script: string) => `
cd "$HOME"
mkdir rootfs rootfs/bin && cp "$(command -v busybox)" rootfs/bin/busybox
for name in $(./rootfs/bin/busybox --list); do [ $name = busybox ] || ln -s busybox rootfs/bin/$name; done
tar -C rootfs -c . | podman import -q - test >/dev/null 2>&1 || echo 'no image'
# a separate file name for each output and status
try() { name=$1; shift; out=$("$@" 2>&1 </dev/null); echo "$name: $? $(echo "$out" | grep -v level=warning | tr '\n' ' ')" | sed 's/ *$//'; }
podman() { command podman --runtime ${runtime} --log-level error "$@"; }
exec > "$OUT" 2>&1
${script}
`;

/** Runs a script with the functions podman and `try NAME COMMAND…`; returns what each of these came to, by name. */
export const withPodman = (t: Test, script: string): ReadonlyMap<string, string> =>
  runPodman(t, script, outer);

/** The same as the machine's root, with control groups by cgroupfs. */
export const withRootPodman = (t: Test, script: string): ReadonlyMap<string, string> =>
  runPodman(t, script.replaceAll('podman ', 'podman --cgroup-manager cgroupfs '), outerAsRoot);

function runPodman(t: Test, script: string, outer: string): ReadonlyMap<string, string> {
  const room = scratch(t, ordinaryUser);
  chmodSync(room, 0o755);
  const { uid, gid } = ordinaryUser;
  const files = {
    passwd: `${readFileSync('/etc/passwd', 'utf8')}tester:x:${uid}:${gid}::/mnt/home:/bin/sh\n`,
    group: `${readFileSync('/etc/group', 'utf8')}tester:x:${gid}:\n`,
    subuid: 'tester:300000:65536\n',
    subgid: 'tester:300000:65536\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(room, name), text);
  start(ordinaryUser, 'touch', [join(room, 'out')]);
  const words = [
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    ...['python3', '-c', reaper],
    'bash',
    '-c',
    outer,
    'bash',
    inner(script),
  ];
  const env = { ROOM: room, ID: String(uid), GROUP: String(gid) };
  const { stderr } = start(root, 'unshare', words, { env, timeout: 240_000 });
  // in a file, whoever keeps a pipe open
  const stdout = readFileSync(join(room, 'out'), 'utf8');
  if (stdout === '') throw new Error(stderr);
  return new Map(
    stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
}
