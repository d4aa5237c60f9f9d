/** Rows of the option table: environment, identity, and containers that several processes share. */
import type { Option } from '../../cli/program.js';

export const environmentOptions = [
  {
    name: 'set-env',
    value: 'optional',
    metavar: 'FILE|VAR=VALUE',
    repeat: 'collect',
    sequence: 'environment',
    completes: 'path',
    group: 'environment',
    summary: 'set VAR, or the variables in FILE, one per line (default: /ch/environment in the image)',
    details:
      'Values may refer to other variables as $VAR; items of a colon-separated list whose variable is not set are dropped; see --env-no-expand. Lines in FILE are VAR=VALUE; single quotes around the value are removed.',
  },
  {
    name: 'set-env0',
    value: 'optional',
    metavar: 'FILE|VAR=VALUE',
    repeat: 'collect',
    sequence: 'environment',
    completes: 'path',
    group: 'environment',
    summary: 'the same, with NUL bytes instead of newlines in FILE',
  },
  {
    name: 'unset-env',
    value: 'required',
    metavar: 'GLOB',
    repeat: 'collect',
    sequence: 'environment',
    group: 'environment',
    summary: 'remove the variables that match the extended glob GLOB, such as SLURM_* or !(PATH|HOME)',
    details:
      'Patterns are those of fnmatch(3) with extended globs. Quote them, or the shell expands them first.',
  },
  {
    name: 'env-no-expand',
    value: 'none',
    repeat: 'refuse',
    group: 'environment',
    summary: "don't expand $VAR in --set-env",
  },
  {
    name: 'uid',
    short: 'u',
    value: 'required',
    metavar: 'UID',
    repeat: 'refuse',
    group: 'identity',
    summary: 'run as user UID in the container',
    details:
      'This changes names only: files and processes stay yours. --uid=0 looks like root to programs that ask.',
  },
  {
    name: 'gid',
    short: 'g',
    value: 'required',
    metavar: 'GID',
    repeat: 'refuse',
    group: 'identity',
    summary: 'run as group GID in the container',
    details: 'See --uid.',
  },
  {
    name: 'hostname',
    value: 'required',
    metavar: 'NAME',
    repeat: 'refuse',
    form: {
      words: 'a host name as in hostname(7), at most 64 letters, digits, - and .',
      pattern: /^(?!-)(?=.{1,64}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/i,
    },
    conflicts: ['join-pid'],
    group: 'identity',
    summary: 'set the host name in the container, which gets its own UTS namespace',
    details:
      'HOSTNAME in the environment is set to NAME, too. The name of the host does not change, and NAME need not resolve: the container is reached by the names of the host. With --join all peers are in the same UTS namespace; --join-pid enters that of the container, if it has its own.',
  },
  {
    name: 'no-passwd',
    value: 'none',
    repeat: 'refuse',
    group: 'identity',
    summary: "keep the image's own /etc/passwd and /etc/group",
  },
  {
    name: 'new-keyring',
    value: 'none',
    repeat: 'refuse',
    group: 'identity',
    summary: 'start with a new session keyring, without your keys and tickets',
    details:
      "Kerberos tickets in KEYRING: and AFS tokens are in the session keyring, which programs in a container can read and use, as AFS and kerberized NFS need it. With this option they can't: for images that you do not trust. Files on such file systems may then be out of reach.",
  },
  {
    name: 'seccomp',
    value: 'none',
    repeat: 'refuse',
    group: 'identity',
    summary:
      'pretend that changing owners and users, and creating devices, succeeds, so that package managers work',
    details:
      "It fakes chown, set*id, setgroups, capset, mknod of devices, kexec_load and their variants. With --uid=0 the image's own passwd and group stay, because packages add users. Where the image can be written to, apt is told to download as root.",
  },
  {
    name: 'unmask',
    value: 'none',
    repeat: 'refuse',
    group: 'identity',
    summary: 'for root: leave /proc/sys, /sys and similar files as accessible as they are on the host',
    details:
      'Where the caller is root of the machine, /sys and parts of /proc (acpi, bus, fs, irq, scsi, sys, sysrq-trigger) are read-only and others are hidden, as in OCI runtimes: the kernel lets user 0 change settings there, in a container too. For other users it does nothing.',
  },
  {
    name: 'join',
    short: 'j',
    value: 'none',
    repeat: 'refuse',
    group: 'join',
    summary:
      'share one container with the other ranks on this node; the first one creates it, the others enter',
    details:
      "Ranks that start within --join-timeout and have the same --join-tag share user and mount namespaces, so that they can use shared memory and read each other's memory.",
  },
  {
    name: 'join-ct',
    value: 'required',
    metavar: 'N',
    repeat: 'refuse',
    group: 'join',
    summary: 'the number of peers, including this one (default: what mpirun or srun says); implies --join',
  },
  {
    name: 'join-tag',
    value: 'required',
    metavar: 'TAG',
    repeat: 'refuse',
    group: 'join',
    summary: 'a name that the peers share (default: the Slurm step, or the parent process); implies --join',
  },
  {
    name: 'join-timeout',
    value: 'required',
    metavar: 'SECONDS',
    repeat: 'refuse',
    default: '30',
    group: 'join',
    summary: 'wait at most SECONDS for the other peers; implies --join',
  },
  {
    name: 'join-pid',
    value: 'required',
    metavar: 'PID',
    repeat: 'refuse',
    conflicts: ['join-ct', 'join-tag', 'join-timeout'],
    precedes: ['join'],
    group: 'join',
    summary: 'enter the container of process PID instead of creating one',
    details: 'The process must be yours.',
  },
] as const satisfies readonly Option[];
