/** ch-oci-ts under podman as root: no user namespace but that of --uidmap, limits by control groups. */
import { join } from 'node:path';
import t from 'tap';
import { runtime } from '../helpers/bundles.js';
import { noPodman, withRootPodman } from '../helpers/podman.js';
import { checkout, probe, skip } from '../helpers/support.js';

const manager = join(checkout, 'test/oci/manager.py');

const wanted: Readonly<Record<string, string | RegExp>> = {
  run: /^0 hello$/,
  limits: /^0 (67108864|9223372036854771712) 33 .*libpod-[0-9a-f]{64}/,
  groups: /^0 Read-only file system|^0 .*Read-only/,
  device: /^0 3$/,
  denied: /^1 .*Operation not permitted/,
  'read-only': /^0 no$/,
  capabilities: /^0 CapEff:\s+0000000002000000$/,
  pod: /^0 [0-9a-f]{64}$/,
  'in-pod': /^0 p$/,
  exec: /^0 uid=0/,
  pause: /^0 a$/,
  paused: /^0 paused$/,
  resume: /^0 a$/,
  update: /^0 /,
  updated: /^0 33554432$/,
  stats: /^0 1$/,
  stop: /^0 a$/,
  mapped: /^0 0 100000 65536$/,
  closed: /^0 text$/,
  systemd: /^0 .*name=systemd/,
  bridge: /^0 inet 10\.88\.\S+ .* eth0 0 100000 65536$/,
  notify: /^0/,
  // conmon says the first, and passes on the other: which of them is first is a matter of time
  told: /^0 (?=.*"MAINPID=\d+)(?=.*"READY=1)/,
};

t.test('podman as root: limits, devices, capabilities, pods, pause, update, maps', (t) => {
  if (noPodman) return skip(t, noPodman);
  const found = withRootPodman(
    t,
    `
    try run podman run --rm --network none test echo hello
    try limits podman run --rm --network none --memory 64m --pids-limit 33 test sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max 2>/dev/null; cat pids/pids.max pids.max 2>/dev/null; cat /proc/self/cgroup'
    try groups podman run --rm --network none test sh -c 'mkdir /sys/fs/cgroup/x /sys/fs/cgroup/pids/x 2>&1; true'
    try device podman run --rm --network none --device /dev/zero:/dev/nothing test sh -c 'head -c 3 /dev/nothing | wc -c'
    try denied podman run --rm --network none --cap-add mknod test sh -c 'mknod /made c 1 11; head -c 1 /made'
    try read-only podman run --rm --network none --read-only test sh -c 'touch /x 2>/dev/null || echo no'
    try capabilities podman run --rm --network none --cap-drop all --cap-add sys_time test grep CapEff /proc/self/status
    try pod podman pod create --name p --network none
    try in-pod podman run --rm --pod p test hostname
    try first podman run -d --name a --network none test sleep 100
    try exec podman exec a id
    try pause podman pause a
    try paused podman inspect --format '{{.State.Status}}' a
    try resume podman unpause a
    try update podman update --memory 32m a
    try updated sh -c 'cat /sys/fs/cgroup/memory/libpod_parent/libpod-*/memory.limit_in_bytes /sys/fs/cgroup/libpod_parent/libpod-*/memory.max 2>/dev/null | grep -w 33554432'
    try stats podman stats --no-stream --format '{{.PIDs}}' a
    try stop podman stop -t 1 a
    mkdir -m 700 /mnt/closed /mnt/closed/data; echo text > /mnt/closed/data/file; chmod 755 /mnt/closed/data
    try mapped podman run --rm --network none --uidmap 0:100000:65536 test sh -c 'set -- $(cat /proc/self/uid_map); echo $*'
    try closed podman run --rm --network none --uidmap 0:100000:65536 -v /mnt/closed/data:/x test cat /x/file
    try systemd podman run --rm --network none --systemd=always test grep systemd /proc/self/mountinfo
    # addresses and locks are kept in directories that podman or its plugins make
    mkdir -p /mnt/lib/containers /mnt/lib/cni /mnt/net.d
    mount --rbind /var/lib/containers /mnt/lib/containers; mount --rbind /mnt/lib /var/lib
    cp /etc/cni/net.d/*.conflist /mnt/net.d; mount --bind /mnt/net.d /etc/cni/net.d
    # the bridge and its rules are in a network namespace that ends with podman
    try bridge command unshare --net sh -c 'ip link set lo up; exec "$@"' sh podman --runtime ${runtime} --cgroup-manager cgroupfs --log-level error \
      run --rm --network bridge --uidmap 0:100000:65536 test sh -c 'echo $(ip -4 addr show eth0 | grep inet) $(cat /proc/self/uid_map)'
    python3 ${manager} /mnt/manager > /mnt/told & manager=$!
    until grep -q ready /mnt/told; do sleep 0.1; done
    export NOTIFY_SOCKET=/mnt/manager
    try notify podman run --rm --network none --sdnotify=container -v ${probe}:/probe test /probe with notify=READY=1 -- true
    unset NOTIFY_SOCKET
    for i in $(seq 100); do grep -q READY /mnt/told && grep -q MAINPID /mnt/told && break; sleep 0.1; done
    try told grep -v ready /mnt/told
    kill $manager
    podman rm -af >/dev/null 2>&1; podman pod rm -af >/dev/null 2>&1
    `,
  );
  for (const [name, what] of Object.entries(wanted)) t.match(found.get(name) ?? 'nothing', what, name);
  t.end();
});
