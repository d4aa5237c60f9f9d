/** containerd's ctr, as root, with ch-oci-ts as its runtime: real programs, in places and namespaces of their own. */
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runtime } from '../helpers/bundles.js';
import { isRoot, root, scratch, skip, start } from '../helpers/support.js';

function findObstacle(): string | undefined {
  if (!isRoot) return 'containerd needs root';
  const missing = ['containerd', 'ctr', 'containerd-shim-runc-v2', 'busybox'].filter(
    (name) => start(root, 'sh', ['-c', `command -v ${name}`]).status !== 0,
  );
  return missing.length > 0 ? `there is no ${missing.join(', no ')}` : undefined;
}

/** What a container of an empty machine needs; its network is not set up by anybody. */
const script = `
set -u
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/home /run/rootfs/bin /run/rootfs/proc /run/rootfs/dev /run/rootfs/sys
cp "$(command -v busybox)" /run/rootfs/bin/busybox
for name in sh sleep echo id; do ln -s busybox /run/rootfs/bin/$name; done
cat >/run/config.toml <<END
version = 2
root = "/run/data"
state = "/run/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.restart"]
[grpc]
  address = "/run/socket"
END
containerd --config /run/config.toml --log-level error >"$ROOM/log" 2>&1 &
daemon=$!
ctr() { command ctr --address /run/socket --namespace "$SPACE" "$@"; }
# until it listens
for _ in $(seq 600); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
try() { name=$1; shift; out=$("$@" 2>"$ROOM/errors" </dev/null); status=$?; echo "$name: $status $(echo $out $(cat "$ROOM/errors"))"; }
status() { ctr task ls | grep "^$1 " | sed 's/.* //'; }
is() { for _ in $(seq 600); do [ "$(status $1)" = $2 ] && break; sleep 0.1; done; status $1; }
new="--runc-binary $RUNTIME --rootfs"
exec >"$ROOM/out"
try run ctr run --rm $new /run/rootfs a /bin/echo hello
try failing ctr run --rm $new /run/rootfs b /bin/sh -c 'exit 3'
try missing ctr run --rm $new /run/rootfs c /bin/nothing
try detached ctr run --detach $new /run/rootfs d /bin/sh -c "trap '' TERM; while :; do sleep 1; done"
try exec ctr task exec --exec-id x d /bin/sh -c 'id -u; exit 7'
try ps sh -c "ctr --address /run/socket --namespace $SPACE task ps d | wc -l"
try pause ctr task pause d
try paused is d PAUSED
try resume ctr task resume d
try resumed is d RUNNING
try metrics ctr task metrics d
try ignored ctr task kill --signal TERM d
try kill ctr task kill --signal KILL d
try killed is d STOPPED
try delete ctr task delete d
try gone ctr task ls --quiet
try remove ctr container rm d
try groups find /sys/fs/cgroup -path "*/$SPACE/*" -type d
kill $daemon; wait $daemon
for _ in $(seq 300); do
  find /sys/fs/cgroup -depth -type d -name "$SPACE" -exec rmdir {} + 2>/dev/null
  [ -n "$(find /sys/fs/cgroup -type d -name "$SPACE")" ] || break
  sleep 0.1
done
find /sys/fs/cgroup -type d -name "$SPACE" | wc -l | sed 's/^/left: 0 /'
`;

t.test('ctr runs, enters, pauses, measures, kills and deletes containers', (t) => {
  const obstacle = findObstacle();
  if (obstacle) return skip(t, obstacle);
  const room = scratch(t, root);
  chmodSync(room, 0o700);
  const memos = scratch(t, root);
  chmodSync(memos, 0o700);
  const isolated = ['--mount', '--pid', '--net', '--fork', '--kill-child', '--mount-proc'];
  const { stderr } = start(root, 'unshare', [...isolated, 'bash', '-c', script], {
    timeout: 240_000,
    env: {
      ROOM: room,
      SPACE: `ch-oci-ts-${process.pid}`,
      RUNTIME: runtime,
      HOME: '/run/home',
      CH_RUN_MEMO_DIR: memos,
    },
  });
  const results = new Map(
    readFileSync(join(room, 'out'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2).trim()]),
  );
  t.equal(results.get('run'), '0 hello', stderr);
  t.equal(results.get('failing'), '3');
  t.match(results.get('missing'), /^1 .*can't (find|start|run).*no such file or directory/);
  t.equal(results.get('detached'), '0');
  t.equal(results.get('exec'), '7 0');
  t.match(results.get('ps'), /^0 [23]$/);
  t.equal(results.get('pause'), '0');
  t.equal(results.get('paused'), '0 PAUSED');
  t.equal(results.get('resume'), '0');
  t.equal(results.get('resumed'), '0 RUNNING');
  t.match(results.get('metrics'), /^0 .*(pids|cpu|memory)\./);
  t.equal(results.get('kill'), '0');
  t.equal(results.get('killed'), '0 STOPPED');
  t.match(results.get('delete'), /137/);
  t.equal(results.get('gone'), '0');
  t.equal(results.get('remove'), '0');
  t.equal(results.get('groups'), '0', 'no control group of a container is left');
  t.equal(results.get('left'), '0 0');
  t.end();
});
