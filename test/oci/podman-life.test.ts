/** Under rootless podman: attaching, restarts, health checks, pods, and the caller's ids and groups. */
import t from 'tap';
import { noPodman, withPodman } from '../helpers/podman.js';
import { skip } from '../helpers/support.js';

const wanted: Readonly<Record<string, RegExp>> = {
  attach: /^0 late$/,
  restarted: /^0 3$/,
  healthy: /^0$/,
  unhealthy: /^1( unhealthy)?$/,
  shared: /^0 p$/,
  ids: /^0 \d+:\d+ \/$/,
  groups: /^0 0$/,
  mounts: /^0 tmpfs ro$/,
  environment: /^0 b$/,
  timeout: /^\d+ killed$/,
};

t.test('podman: attach, restart policy, health check, pods, keep-id, keep-groups', (t) => {
  if (noPodman) return skip(t, noPodman);
  const found = withPodman(
    t,
    `
    podman run -d --name a --network none test sh -c 'while [ ! -e /go ]; do echo late; sleep 0.1; done' >/dev/null
    attach() { podman attach --no-stdin a >attached 2>/dev/null & until grep -qs late attached; do sleep 0.1; done; podman exec a touch /go; wait $!; grep -m 1 late attached; }
    try attach attach
    podman run -d --name r --network none --restart on-failure:2 test sh -c 'echo again; exit 3' >/dev/null
    restarted() { for i in $(seq 100); do [ $(podman logs r | grep -c again) -lt 3 ] || break; sleep 0.1; done; podman logs r | grep -c again; }
    try restarted restarted
    podman run -d --name h --network none --health-cmd 'test ! -e /sick' --health-interval disable test sleep 100 >/dev/null
    try healthy podman healthcheck run h
    podman exec h touch /sick
    try unhealthy podman healthcheck run h
    podman pod create --name p --network none >/dev/null
    podman run -d --pod p --name first test sleep 100 >/dev/null
    try shared podman run --rm --pod p test hostname
    try ids podman run --rm --network none --userns=keep-id test sh -c 'echo $(id -u):$(id -g) $PWD'
    try groups podman run --rm --network none --group-add keep-groups test id -u
    try mounts podman run --rm --network none --mount type=tmpfs,destination=/x,ro test sh -c 'set -- $(grep " /x " /proc/mounts); echo $1 \${4%%,*}'
    try environment podman run --rm --network none -e A=b test sh -c 'echo $A'
    timed() { podman run --timeout 1 --network none test sleep 100 || echo killed; }
    try timeout timed
    podman rm -af >/dev/null 2>&1; podman pod rm -af >/dev/null 2>&1
    `,
  );
  for (const [name, what] of Object.entries(wanted)) t.match(found.get(name) ?? 'nothing', what, name);
  t.end();
});
