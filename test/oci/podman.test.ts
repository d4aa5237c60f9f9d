/** ch-oci-ts under rootless podman, as users call it. */
import t, { type Test } from 'tap';
import { noPodman, withPodman } from '../helpers/podman.js';
import { skip } from '../helpers/support.js';

/** Compares what each came to with what it must be. */
function expect(t: Test, script: string, wanted: Readonly<Record<string, string | RegExp>>): void {
  const found = withPodman(t, script);
  for (const [name, what] of Object.entries(wanted)) t.match(found.get(name) ?? 'nothing', what, name);
  t.end();
}

t.test('podman: run, exec, logs, stop, kill, restart, rm', (t) => {
  if (noPodman) return skip(t, noPodman);
  expect(
    t,
    `
    try run podman run --rm --network none test echo hello
    try status podman run --rm --network none test sh -c 'exit 7'
    try missing podman run --rm --network none test nothing
    try directory podman run --rm --network none test /bin
    try detached podman run -d --name a --network none test sh -c 'echo started; exec sleep 100'
    try exec podman exec -e A=b a sh -c 'echo $A $(hostname | wc -c)'
    try exec-missing podman exec a nothing
    try exec-directory podman exec -w /nowhere a true
    try exec-user podman exec -u 5:6 a id
    try terminal script -qec "podman exec -it a tty" /dev/null
    try logs podman logs a
    try kill podman kill a
    try wait podman wait a
    try again podman start a
    try stop podman stop -t 1 a
    try rm podman rm a
    try rest podman rm -af
    try left ls $XDG_RUNTIME_DIR/ch-oci-ts
    `,
    {
      run: /^0 hello$/,
      status: /^7/,
      missing: /^127 .*executable file not found in \$PATH/,
      directory: /^126 /,
      detached: /^0 [0-9a-f]{64}$/,
      exec: /^0 b 13$/,
      'exec-missing': /^127 /,
      'exec-directory': /^127 /,
      'exec-user': /^0 uid=5 gid=6/,
      terminal: /^0 .*\/dev\/pts\/\d+/,
      logs: /^0 started$/,
      kill: /^0 a$/,
      wait: /^0 137$/,
      again: /^0 a$/,
      stop: /^0 a$/,
      rm: /^0 [0-9a-f]{64}|^0 a$/,
      left: /^0$/,
    },
  );
});
