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
const valued = { value: 'required', repeat: 'refuse' } as const;

export const commonOptions = [
  {
    ...valued,
    name: 'root',
    metavar: 'DIR',
    completes: 'directory',
    group: 'global',
    summary: 'where containers are kept',
    details: 'By default /run/ch-oci-ts as root of the machine, and else $XDG_RUNTIME_DIR/ch-oci-ts.',
  },
  {
    ...valued,
    name: 'log',
    metavar: 'FILE',
    completes: 'path',
    group: 'global',
    summary: 'add messages to this file, in place of standard error',
  },
  {
    ...valued,
    name: 'log-format',
    metavar: 'FORMAT',
    choices: ['text', 'json'],
    group: 'global',
    summary: 'the form of messages',
  },
  {
    ...flag,
    name: 'debug',
    group: 'global',
    summary: 'write warnings at once, also before an error in a JSON log',
  },
  {
    ...valued,
    name: 'log-level',
    metavar: 'LEVEL',
    choices: ['debug', 'warning', 'error'],
    group: 'global',
    summary: 'debug is the same as --debug',
  },
  {
    ...flag,
    name: 'systemd-cgroup',
    group: 'global',
    summary: 'have systemd make the control groups, as a transient scope',
  },
  {
    ...valued,
    name: 'cgroup-manager',
    metavar: 'MANAGER',
    choices: ['cgroupfs', 'systemd', 'disabled'],
    group: 'global',
    summary: 'who makes the control groups',
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
    summary: 'with spec: for an ordinary user',
    details: 'With other commands it changes nothing: what the caller may do is found out.',
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
    summary: 'check what this machine allows containers, and say what does not work without it',
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
    summary: "write the first process's number to this file",
  },
  {
    ...valued,
    name: 'console-socket',
    metavar: 'SOCKET',
    completes: 'path',
    group: 'container',
    summary: "send the other end of the container's terminal to who listens at this socket",
  },
  {
    ...flag,
    name: 'no-pivot',
    group: 'container',
    summary: 'do without pivot_root(2): for hosts that run from the initial RAM file system',
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
    summary: 'pass on this many descriptors after the standard streams',
  },
] as const satisfies readonly Option[];

export const detach = {
  ...flag,
  name: 'detach',
  short: 'd',
  group: 'container',
  summary: 'do not wait for the end of the command',
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
  summary: 'as is always so: processes that lose their parent are not adopted',
} as const satisfies Option;

/** The letter is crun's, for `kill` only. */
const regex = {
  ...flag,
  name: 'regex',
  group: 'container',
  summary: 'ID is an extended regular expression',
} as const satisfies Option;

export const killOptions = [
  {
    ...flag,
    name: 'all',
    short: 'a',
    group: 'container',
    summary: 'all processes of the container',
  },
  { ...regex, short: 'r' },
] as const satisfies readonly Option[];

export const deleteOptions = [
  {
    ...flag,
    name: 'force',
    short: 'f',
    group: 'container',
    summary: 'kill it first; it is no error if there is none',
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
    summary: 'write to this file in place of config.json in the bundle',
  },
] as const satisfies readonly Option[];

export const format = {
  ...valued,
  name: 'format',
  short: 'f',
  metavar: 'FORMAT',
  choices: ['table', 'json'],
  group: 'container',
  summary: 'how to print them',
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
    summary: 'take the process from this file: as `process` in config.json',
  },
  {
    ...flag,
    name: 'tty',
    short: 't',
    group: 'process',
    summary: 'with a terminal',
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
    summary: "as this user; names are those of the container's own /etc/passwd and /etc/group",
    details: "A user by name has the groups that the container's /etc/group says.",
  },
  {
    ...valued,
    name: 'additional-gids',
    short: 'g',
    metavar: 'GID[,GID...]',
    repeat: 'collect',
    group: 'process',
    summary: 'with these supplementary groups',
  },
  { ...valued, name: 'cwd', metavar: 'DIR', group: 'process', summary: 'in this directory' },
  {
    ...valued,
    name: 'env',
    short: 'e',
    metavar: 'NAME=VALUE',
    repeat: 'collect',
    group: 'process',
    summary: 'with this variable, too',
  },
  {
    ...valued,
    name: 'cap',
    short: 'c',
    metavar: 'CAP_NAME',
    repeat: 'collect',
    group: 'process',
    summary: 'with this capability, too',
  },
  {
    ...flag,
    name: 'no-new-privs',
    group: 'process',
    summary: 'programs can gain no privileges',
  },
  {
    ...valued,
    name: 'cgroup',
    metavar: '[CONTROLLER,...:]PATH',
    repeat: 'collect',
    group: 'process',
    summary: "in this control group below the container's own; by default in that",
    details: 'With controllers, it is for those of version 1 only. It must be there.',
  },
  {
    ...flag,
    name: 'ignore-paused',
    group: 'process',
    summary: 'also in a paused container: the process runs when it is resumed',
  },
  {
    ...valued,
    name: 'apparmor',
    metavar: 'PROFILE',
    group: 'process',
    summary: 'with this AppArmor profile',
  },
  {
    ...valued,
    name: 'process-label',
    metavar: 'LABEL',
    group: 'process',
    summary: 'with this SELinux label',
  },
  ...creationOptions.filter(({ name }) => ['pid-file', 'console-socket', 'preserve-fds'].includes(name)),
] as const satisfies readonly Option[];

const size = { words: 'a number of bytes, as 64M, or -1', pattern: /^(-1|\d+[kmgt]?b?)$/i };
const whole = { words: 'a whole number', pattern: /^-?\d+$/ };

function limitOption(name: string, metavar: string, form: NonNullable<Option['form']>, summary: string) {
  return { ...valued, name, metavar, form, group: 'limits', summary } as const;
}

const processors = { words: 'numbers and ranges, as 0-3,7', pattern: /^[\d,-]+$/ };

export const updateOptions: readonly Option[] = [
  {
    ...valued,
    name: 'resources',
    short: 'r',
    metavar: 'FILE',
    completes: 'path',
    conflicts: [
      'memory',
      'memory-swap',
      'memory-reservation',
      'cpu-share',
      'cpu-period',
      'cpu-quota',
      'pids-limit',
    ],
    group: 'limits',
    summary: 'take all from this file, or from standard input (-): as `linux.resources` in config.json',
  },
  limitOption('memory', 'BYTES', size, 'the most memory; -1 is no limit'),
  limitOption('memory-swap', 'BYTES', size, 'the most memory and swap together'),
  limitOption('kernel-memory-tcp', 'BYTES', size, 'the limit of memory for TCP; version 1 only'),
  limitOption('memory-reservation', 'BYTES', size, 'memory that is left to it where it is short'),
  limitOption('cpu-share', 'SHARES', whole, 'its part of the processors, among others'),
  limitOption('cpu-period', 'MICROSECONDS', whole, 'the time for which --cpu-quota is'),
  limitOption('cpu-quota', 'MICROSECONDS', whole, 'the most time of processors in a period'),
  limitOption('cpu-burst', 'MICROSECONDS', whole, 'what may be left of a quota for a later period'),
  limitOption('cpu-rt-period', 'MICROSECONDS', whole, 'the same for processes in real time'),
  limitOption('cpu-rt-runtime', 'MICROSECONDS', whole, 'the same for processes in real time'),
  limitOption('cpu-idle', '0|1', whole, 'only what nobody else wants of the processors'),
  limitOption('cpuset-cpus', 'LIST', processors, 'on these processors'),
  limitOption('cpuset-mems', 'LIST', processors, 'with memory of these nodes'),
  limitOption('pids-limit', 'N', whole, 'the most processes and threads; -1 is no limit'),
  limitOption('blkio-weight', 'WEIGHT', whole, 'its part of input and output, 10 to 1000'),
];

export const eventOptions = [
  {
    ...flag,
    name: 'stats',
    group: 'limits',
    summary: 'print once what is used',
  },
  {
    ...valued,
    name: 'interval',
    metavar: 'TIME',
    form: { words: 'a time, as 5s or 500ms', pattern: /^[1-9]\d{0,5}(ms|s|m)?$/ },
    default: '5s',
    group: 'limits',
    summary: 'how long to wait before it is printed again',
  },
] as const satisfies readonly Option[];
