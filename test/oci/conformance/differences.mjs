// What a peer passes and ours does not: FILE: TITLE, or FILE for all of it, and why. `only`: with control groups of that
// version alone; `sometimes`: it also happens to pass.
const words = 'it expects the exact words of that runtime';
const decided = 'decided otherwise: "Differences from runc and crun" in docs/oci.md';
const notify =
  'it expects the socket for notices where crun puts it: "Differences from runc and crun" in docs/oci.md';
const debug = 'it expects the lines of that runtime for --debug';

/** @typedef {Record<string, {why: string, only?: string, sometimes?: boolean}>} Differences */

/** @type {Differences} */
const runc = {
  'cgroups.bats: runc run (cgroup v1 + unified resources should fail)': { why: words, only: 'v1' },
  'cgroups.bats: runc exec should refuse a paused container': { why: words },
  'cgroups.bats: runc run/create should warn about a non-empty cgroup': { why: decided },
  'cgroups.bats: runc run/create should refuse pre-existing frozen cgroup': { why: words },
  'debug.bats': { why: debug },
  'exec.bats: runc exec [exit codes]': { why: decided },
  'exec.bats: runc --debug exec': { why: debug },
  'exec.bats: runc --debug --log exec': { why: debug },
  'exec.bats: runc exec --cgroup sub-cgroups [v1]': { why: words },
  'help.bats': { why: words },
  'no_pivot.bats: runc run --no-pivot must not expose bare /proc': {
    why: 'what it tries fails here, too, but not with the words of that mount',
  },
  'seccomp.bats: runc run [seccomp] (startContainer hook)': {
    why: 'the filter is the container’s, not that of its hooks',
  },
  'seccomp-notify.bats: runc run [seccomp] (SCMP_ACT_NOTIFY no seccompagent)': { why: words },
  'seccomp-notify.bats: runc run [seccomp] (SCMP_ACT_NOTIFY write)': { why: decided },
  'update.bats: update devices [minimal transition rules]': {
    why: 'it asks for an access that the kernel does not know: rwa',
    only: 'v1',
  },
  'version.bats': { why: words },
};

/** @type {Record<string, Differences>} */
export const differences = {
  crun: {
    'test_capabilities.py: unknown-caps': { why: decided },
    'test_delete.py: test_simple_delete': {
      why: 'it freezes the process in a group of its own; crun forgets the container while that process is still there',
      only: 'v1',
    },
    'test_delete.py: test_multiple_containers_delete': {
      why: 'the container of the test before is in its way',
      only: 'v1',
    },
    'test_devices.py: owner-device': {
      why: 'not there yet: devices that are made for root in a user namespace',
    },
    'test_exec.py: exec-add-capability': { why: decided },
    'test_exec.py: exec_add_no_new_privileges': {
      why: 'config.json has noNewPrivileges, which exec does not take away here',
    },
    'test_resources.py: resources-unified-invalid-controller': { why: words, only: 'v2' },
    'test_resources.py: resources-unified-invalid-key': { why: words, only: 'v2' },
    'test_seccomp.py: seccomp-listener': {
      why: 'no action asks the agent, and it expects the version that crun writes',
    },
    'test_start.py: start': { why: 'it reads a file of state that crun has' },
    'test_start.py: sd-notify': { why: notify },
    'test_start.py: sd-notify-file': { why: notify },
    'test_start.py: sd-notify-env': { why: notify },
    'test_start.py: sd-notify-proxy': { why: 'it expects READY=1 without MAINPID=' },
  },
  runc,
  rootless: {
    ...runc,
    'cgroups.bats: runc create (rootless + limits + no cgrouppath + no permission) fails with informative error':
      { why: words },
    'cgroups.bats: runc create (rootless + no limits + cgrouppath + no permission) fails with permission error':
      { why: 'decided otherwise: "Control groups" in docs/oci.md' },
  },
  tools: {
    'delete: attempting to `delete` a container that is not `stopped` MUST generate an error': {
      why: decided,
    },
    'hooks_stdin: the state of the container MUST be passed to "prestart" hook over stdin': {
      why: 'creating, as runc says: the create operation has not ended',
    },
    linux_mount_label: { why: 'the machine has no SELinux: crun leaves the label out, here it is refused' },
    linux_ns_itype: { why: 'it mounts without a mount namespace, which would change those of the host' },
    'linux_ns_path: set mnt namespace by path': { why: decided },
    mounts: { why: 'it takes the order of numbers of mounts for that in which they got their places' },
    "pidfile: create with '--pid-file' option works": {
      why: 'it kills true(1), which has often ended by then',
      sometimes: true,
    },
    process_capabilities_fail: { why: decided },
  },
};
