/** What the options of rootless podman ask of ch-oci-ts. */
import t, { type Test } from 'tap';
import { noPodman, withPodman } from '../helpers/podman.js';
import { skip } from '../helpers/support.js';

/** Compares what each came to with what it must be. */
function expect(t: Test, script: string, wanted: Readonly<Record<string, string | RegExp>>): void {
  const found = withPodman(t, script);
  for (const [name, what] of Object.entries(wanted)) t.match(found.get(name) ?? 'nothing', what, name);
  t.end();
}

t.test('podman: what options of run ask for', (t) => {
  if (noPodman) return skip(t, noPodman);
  expect(
    t,
    `
    mkdir data; echo text > data/file
    try host podman run --rm --network host test ls /sys/class/net
    try slirp podman run --rm --network slirp4netns test ip -o -4 addr
    try keep-id podman run --rm --userns=keep-id --network slirp4netns test sh -c 'id -u; ip -o -4 addr | wc -l'
    try read-only podman run --rm --network none --read-only --tmpfs /mine test sh -c 'touch /x 2>/dev/null || echo no; touch /mine/x && echo yes'
    try volume podman run --rm --network none -v ./data:/data:ro test sh -c 'cat /data/file; touch /data/x 2>/dev/null || echo no'
    try writable podman run --rm --network none -v ./data:/data test sh -c 'echo more > /data/x'; cat data/x
    try device podman run --rm --network none --device /dev/zero:/dev/nothing test sh -c 'head -c 3 /dev/nothing | wc -c'
    try drop podman run --rm --network none --cap-drop all --cap-add kill test grep CapEff /proc/self/status
    try unconfined podman run --rm --network none --security-opt seccomp=unconfined test grep Seccomp: /proc/self/status
    try filtered podman run --rm --network none test grep Seccomp: /proc/self/status
    try ulimit podman run --rm --network none --ulimit nofile=100:200 test sh -c 'ulimit -n; ulimit -Hn'
    try init podman run --rm --network none --init test sh -c 'cat /proc/1/comm'
    try groups podman run --rm --network none --group-add keep-groups test id -u
    try user podman run --rm --network none --user 10:20 test sh -c 'id -u; pwd; echo x > /dev/stdout'
    try first podman run -d --name a --network none test sleep 100
    try joined podman run --rm --pid container:a --ipc container:a --network container:a test sh -c 'ps | grep -c "[s]leep 100"'
    try pod podman pod create --name p --network none
    try in-pod podman run --rm --pod p test hostname
    printf 'FROM scratch\\nCOPY rootfs /\\nRUN echo built > /made\\n' > Containerfile
    try build podman build -q --network none -t made .
    try built podman run --rm --network none localhost/made cat /made
    try rest podman pod rm -f p
    podman rm -af >/dev/null 2>&1
    `,
    {
      host: /^0 .*lo/,
      slirp: /^0 .* lo .*127\.0\.0\.1.* tap0 .*10\.0\.2\.100/,
      'keep-id': /^0 \d+ 2$/,
      'read-only': /^0 no yes$/,
      volume: /^0 text no$/,
      writable: /^0$/,
      device: /^0 3$/,
      drop: /^0 CapEff:\s+0000000000000020$/,
      unconfined: /^0 Seccomp:\s+0$/,
      filtered: /^0 Seccomp:\s+2$/,
      ulimit: /^0 100 200$/,
      init: /^0 (catatonit|podman-init)$/,
      groups: /^0 0$/,
      user: /^0 10 \/ x$/,
      joined: /^0 1$/,
      'in-pod': /^0 p$/,
      build: /^0 [0-9a-f]{64}$/,
      built: /^0 built$/,
    },
  );
});
