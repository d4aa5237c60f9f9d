/** Every option of ch-oci-ts, declared once. addon/oci/request.cc reads some without the engine; a test compares. */
import { shells } from '../cli/completion/values.js';
import type { Option } from '../cli/program.js';

export const optionGroups = {
  global: 'All commands',
  container: 'Containers',
  process: 'Processes',
  limits: 'Limits',
  checkpoint: 'Checkpoints',
};

const flag = { value: 'none', repeat: 'refuse' } as const;
export const valued = { value: 'required', repeat: 'refuse' } as const;

export const commonOptions = [
  {
    ...valued,
    name: 'root',
    metavar: 'DIR',
    completes: 'directory',
    group: 'global',
    summary: 'keep the state of containers in this directory',
    details:
      'The default is /run/ch-oci-ts for root of the machine, and $XDG_RUNTIME_DIR/ch-oci-ts for other users.',
  },
  {
    ...valued,
    name: 'log',
    metavar: 'FILE',
    completes: 'path',
    group: 'global',
    summary: 'append messages to this file; errors are also printed on standard error',
  },
  {
    ...valued,
    name: 'log-format',
    metavar: 'FORMAT',
    choices: ['text', 'json'],
    group: 'global',
    summary: 'the format of messages',
  },
  {
    ...flag,
    name: 'debug',
    group: 'global',
    summary: 'log more; print warnings immediately, also before an error in a JSON log',
  },
  {
    ...valued,
    name: 'log-level',
    metavar: 'LEVEL',
    choices: ['debug', 'warning', 'error'],
    group: 'global',
    summary: 'how much to log; debug is the same as --debug',
  },
  {
    ...flag,
    name: 'systemd-cgroup',
    group: 'global',
    summary: 'let systemd create the control groups, as a transient scope',
  },
  {
    ...valued,
    name: 'cgroup-manager',
    metavar: 'MANAGER',
    choices: ['cgroupfs', 'systemd', 'disabled'],
    group: 'global',
    summary: 'what creates the control groups',
    details: 'With disabled, the container stays in the control group of its caller.',
  },
  {
    name: 'rootless',
    value: 'optional',
    repeat: 'refuse',
    metavar: 'VALUE',
    choices: ['true', 'false', 'auto'],
    implied: 'true',
    group: 'global',
    summary: 'with spec: write a configuration for an ordinary user',
    details: 'It has no effect on other commands, which find out what the caller may do.',
  },
  {
    name: 'doctor',
    value: 'optional',
    repeat: 'refuse',
    metavar: 'FORMAT',
    action: 'plain',
    choices: ['text', 'json'],
    implied: 'text',
    group: 'global',
    summary: 'check what this machine permits containers to do, and say what does not work without it',
    details:
      'Each check is a real attempt, in a separate process. The exit status is 0 if containers can be run here, else 1.',
  },
  {
    ...flag,
    name: 'help',
    short: 'h',
    action: 'plain',
    group: 'global',
    summary: 'print help',
  },
  {
    ...flag,
    name: 'version',
    short: 'v',
    action: 'plain',
    group: 'global',
    summary: 'print the versions of ch-oci-ts and of the specification',
  },
  {
    ...valued,
    name: 'completion',
    metavar: 'SHELL',
    action: 'plain',
    choices: shells,
    group: 'global',
    summary: 'print a completion script',
  },
] as const satisfies readonly Option[];

const bundle = {
  ...valued,
  name: 'bundle',
  short: 'b',
  metavar: 'DIR',
  completes: 'directory',
  group: 'container',
  summary: 'the directory with config.json; by default the working directory',
} as const satisfies Option;

export const creationOptions = [
  bundle,
  {
    ...valued,
    name: 'config',
    metavar: 'FILE',
    completes: 'path',
    group: 'container',
    summary: "the configuration; by default the bundle's config.json",
  },
  {
    ...valued,
    name: 'pid-file',
    metavar: 'FILE',
    completes: 'path',
    group: 'container',
    summary: "write the first process's PID to this file",
  },
  {
    ...valued,
    name: 'console-socket',
    metavar: 'SOCKET',
    completes: 'path',
    group: 'container',
    summary: "send the master of the container's terminal to the process that listens on this socket",
  },
  {
    ...flag,
    name: 'no-pivot',
    group: 'container',
    summary: 'do not use pivot_root(2): for hosts that run from an initial RAM file system',
  },
  {
    ...flag,
    name: 'no-new-keyring',
    group: 'container',
    summary: "keep the caller's session keyring",
  },
  {
    ...valued,
    name: 'preserve-fds',
    metavar: 'N',
    form: { words: 'a number of descriptors', pattern: /^\d{1,6}$/ },
    group: 'container',
    summary: 'pass this many descriptors on, after the standard streams',
  },
] as const satisfies readonly Option[];

export const detach = {
  ...flag,
  name: 'detach',
  short: 'd',
  group: 'container',
  summary: 'do not wait for the command to end',
} as const satisfies Option;

export const keep = {
  ...flag,
  name: 'keep',
  group: 'container',
  summary: 'do not delete the container when it has ended',
} as const satisfies Option;

/** For callers of runc and crun: there is nothing to turn off. */
export const noSubreaper = {
  ...flag,
  name: 'no-subreaper',
  group: 'container',
  summary: 'accepted for compatibility: orphaned processes are never adopted',
} as const satisfies Option;

/** The letter is crun's, for `kill` only. */
const regex = {
  ...flag,
  name: 'regex',
  group: 'container',
  summary: 'treat ID as an extended regular expression',
} as const satisfies Option;

export const killOptions = [
  {
    ...flag,
    name: 'all',
    short: 'a',
    group: 'container',
    summary: 'signal all processes of the container',
  },
  { ...regex, short: 'r' },
] as const satisfies readonly Option[];

export const deleteOptions = [
  {
    ...flag,
    name: 'force',
    short: 'f',
    group: 'container',
    summary: 'kill the container first; it is not an error if it does not exist',
  },
  regex,
] as const satisfies readonly Option[];

export const specOptions = [
  bundle,
  {
    ...valued,
    name: 'file',
    short: 'f',
    metavar: 'FILE',
    completes: 'path',
    group: 'container',
    summary: "write to this file instead of the bundle's config.json",
  },
] as const satisfies readonly Option[];

export const format = {
  ...valued,
  name: 'format',
  short: 'f',
  metavar: 'FORMAT',
  choices: ['table', 'json'],
  group: 'container',
  summary: 'the output format',
} as const satisfies Option;

export const listOptions = [
  format,
  {
    ...flag,
    name: 'quiet',
    short: 'q',
    group: 'container',
    summary: 'print ids only',
  },
] as const satisfies readonly Option[];

export const execOptions = [
  {
    ...valued,
    name: 'process',
    short: 'p',
    metavar: 'FILE',
    completes: 'path',
    group: 'process',
    summary: 'take the process from this JSON file, which has the form of `process` in config.json',
  },
  {
    ...flag,
    name: 'tty',
    short: 't',
    group: 'process',
    summary: 'allocate a terminal',
  },
  {
    ...valued,
    name: 'user',
    short: 'u',
    metavar: 'USER[:GROUP]',
    form: {
      words: 'USER[:GROUP], names or numbers',
      pattern: /^([a-z_][\w.-]*\$?|\d{1,10})(:([a-z_][\w.-]*\$?|\d{1,10}))?$/i,
    },
    group: 'process',
    summary: "run as this user; names are looked up in the container's /etc/passwd and /etc/group",
    details: "A user given by name gets the supplementary groups in the container's /etc/group.",
  },
  {
    ...valued,
    name: 'additional-gids',
    short: 'g',
    metavar: 'GID[,GID...]',
    repeat: 'collect',
    group: 'process',
    summary: 'add these supplementary groups',
  },
  { ...valued, name: 'cwd', metavar: 'DIR', group: 'process', summary: 'run in this directory' },
  {
    ...valued,
    name: 'env',
    short: 'e',
    metavar: 'NAME=VALUE',
    repeat: 'collect',
    group: 'process',
    summary: 'set this environment variable, too',
  },
  {
    ...valued,
    name: 'cap',
    short: 'c',
    metavar: 'CAP_NAME',
    repeat: 'collect',
    group: 'process',
    summary: 'add this capability',
  },
  {
    ...flag,
    name: 'no-new-privs',
    group: 'process',
    summary: 'prevent programs from gaining privileges',
  },
  {
    ...valued,
    name: 'cgroup',
    metavar: '[CONTROLLER,...:]PATH',
    repeat: 'collect',
    group: 'process',
    summary: "run in this control group, relative to the container's",
    details: 'If controllers are named, it applies to these only, in version 1. It must exist.',
  },
  {
    ...flag,
    name: 'ignore-paused',
    group: 'process',
    summary: 'allow this in a paused container: the process runs when that is resumed',
  },
  {
    ...valued,
    name: 'apparmor',
    metavar: 'PROFILE',
    group: 'process',
    summary: 'run under this AppArmor profile',
  },
  {
    ...valued,
    name: 'process-label',
    metavar: 'LABEL',
    group: 'process',
    summary: 'run with this SELinux label',
  },
  ...creationOptions.filter(({ name }) => ['pid-file', 'console-socket', 'preserve-fds'].includes(name)),
] as const satisfies readonly Option[];

export const eventOptions = [
  {
    ...flag,
    name: 'stats',
    group: 'limits',
    summary: 'print the current usage once',
  },
  {
    ...valued,
    name: 'interval',
    metavar: 'TIME',
    form: { words: 'a time, as 5s or 500ms', pattern: /^[1-9]\d{0,5}(ms|s|m)?$/ },
    default: '5s',
    group: 'limits',
    summary: 'the time between two reports of usage',
  },
] as const satisfies readonly Option[];
