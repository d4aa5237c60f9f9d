/**
 * Every option, declared once. The parser, the help, the usage line and the documents are made from this table.
 */
export interface Option {
  /** The long name, without dashes. */
  readonly name: string;
  /** The one-letter name. */
  readonly short?: string;
  /** Whether a value follows; an optional one only after `=` (or right behind the letter). */
  readonly value: 'none' | 'required' | 'optional';
  /** What the value is called in help. */
  readonly metavar?: string;
  /** What giving it twice means. */
  readonly repeat: 'refuse' | 'collect' | 'count';
  /** Options of one sequence keep their order among each other. */
  readonly sequence?: 'environment';
  /** What can set it beside the command line: files and CH_RUN_ variables by default. */
  readonly settable?: 'by-variable' | 'never';
  /** The heading under which help shows it. */
  readonly group:
    | 'image'
    | 'files'
    | 'environment'
    | 'identity'
    | 'join'
    | 'messages'
    | 'configuration'
    | 'plan'
    | 'information';
  /** One line for --help: lower case, no final period. */
  readonly summary: string;
}

export const optionGroups: Readonly<Record<Option['group'], string>> = {
  image: 'Image',
  files: 'Files and directories',
  environment: 'Environment (carried out in the order given)',
  identity: 'User and group',
  join: 'Many processes, one container',
  messages: 'Messages',
  configuration: 'Configuration',
  plan: 'Launch plans',
  information: 'Information',
};

export const options = [
  {
    name: 'write',
    short: 'w',
    value: 'none',
    repeat: 'refuse',
    group: 'image',
    summary: 'mount the image read-write; it is read-only by default',
  },
  {
    name: 'write-fake',
    short: 'W',
    value: 'optional',
    metavar: 'SIZE',
    repeat: 'refuse',
    group: 'image',
    summary: 'let writes go to memory, at most SIZE (default 12%), and vanish in the end',
  },
  {
    name: 'overlay',
    value: 'required',
    metavar: 'DIR',
    repeat: 'refuse',
    group: 'image',
    summary: 'let writes go to host directory DIR, which is made if missing, and keep them there',
  },
  {
    name: 'storage',
    short: 's',
    value: 'required',
    metavar: 'DIR',
    repeat: 'refuse',
    group: 'image',
    summary: 'look for images by name in DIR (default: $CH_IMAGE_STORAGE or /var/tmp/$USER.ch)',
  },
  {
    name: 'list',
    value: 'optional',
    metavar: 'FORMAT',
    repeat: 'refuse',
    settable: 'never',
    group: 'image',
    summary: 'list the images in storage and run nothing; FORMAT: text (default), json',
  },
  {
    name: 'unsafe',
    value: 'none',
    repeat: 'refuse',
    group: 'image',
    summary: 'allow --write with a directory image in storage, and such images by path, as ch-image needs it',
  },
  {
    name: 'mount',
    short: 'm',
    value: 'required',
    metavar: 'DIR',
    repeat: 'refuse',
    group: 'image',
    summary: 'mount a SquashFS image at host directory DIR; by default it needs no place',
  },
  {
    name: 'no-share',
    value: 'none',
    repeat: 'refuse',
    group: 'image',
    summary: 'give a SquashFS image a file-system server of its own',
  },
  {
    name: 'bind',
    short: 'b',
    value: 'required',
    metavar: 'SRC[:DST[:OPT,...]]',
    repeat: 'collect',
    group: 'files',
    summary:
      'bind host path SRC at guest path DST (same path by default); a missing DST is made; OPT: ro, rw, optional, create, nosuid, nodev, noexec',
  },
  {
    name: 'device',
    value: 'required',
    metavar: 'DEV',
    repeat: 'collect',
    group: 'files',
    summary:
      'put device DEV (CDI) into the container: vendor.com/class=name, vendor.com/class=all, or a specification file',
  },
  {
    name: 'devices',
    short: 'd',
    value: 'none',
    repeat: 'refuse',
    group: 'files',
    summary: 'put all devices into the container that are described on this machine (CDI)',
  },
  {
    name: 'cdi-dirs',
    value: 'required',
    metavar: 'DIRS',
    repeat: 'refuse',
    group: 'files',
    summary:
      'look for descriptions of devices in these directories (default: $CH_RUN_CDI_DIRS or /etc/cdi:/var/run/cdi)',
  },
  {
    name: 'cdi-run-hooks',
    value: 'none',
    repeat: 'refuse',
    group: 'files',
    summary: "run those programs of a device's vendor (hooks) that ch-run-ts can not replace",
  },
  {
    name: 'home',
    value: 'none',
    repeat: 'refuse',
    group: 'files',
    summary: 'bind $HOME at /home/$USER and set HOME to it; implies --write-fake',
  },
  {
    name: 'no-home',
    value: 'none',
    repeat: 'refuse',
    group: 'files',
    summary: 'do nothing: the home directory is not bound anyway; older workflow systems give this',
  },
  {
    name: 'cd',
    short: 'c',
    value: 'required',
    metavar: 'DIR',
    repeat: 'refuse',
    group: 'files',
    summary: 'start the command in guest directory DIR instead of /',
  },
  {
    name: 'private-tmp',
    short: 't',
    value: 'none',
    repeat: 'refuse',
    group: 'files',
    summary: "mount a fresh tmpfs at /tmp instead of the host's $TMPDIR (or /tmp)",
  },
  {
    name: 'set-env',
    value: 'optional',
    metavar: 'FILE|VAR=VALUE',
    repeat: 'collect',
    sequence: 'environment',
    group: 'environment',
    summary: 'set VAR, or the variables in FILE, one a line (default: /ch/environment in the image)',
  },
  {
    name: 'set-env0',
    value: 'optional',
    metavar: 'FILE|VAR=VALUE',
    repeat: 'collect',
    sequence: 'environment',
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
  },
  {
    name: 'env-no-expand',
    value: 'none',
    repeat: 'refuse',
    group: 'environment',
    summary: "leave '$VAR' in --set-env alone",
  },
  {
    name: 'uid',
    short: 'u',
    value: 'required',
    metavar: 'UID',
    repeat: 'refuse',
    group: 'identity',
    summary: 'be user UID in the container',
  },
  {
    name: 'gid',
    short: 'g',
    value: 'required',
    metavar: 'GID',
    repeat: 'refuse',
    group: 'identity',
    summary: 'be group GID in the container',
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
    summary: 'give the container a session keyring of its own, without your keys and tickets',
  },
  {
    name: 'seccomp',
    value: 'none',
    repeat: 'refuse',
    group: 'identity',
    summary:
      'pretend that changes of owners and users, and making of devices, succeed, so that package managers work',
  },
  {
    name: 'unmask',
    value: 'none',
    repeat: 'refuse',
    group: 'identity',
    summary: 'started by root: leave /proc/sys, /sys and similar files as accessible as they are on the host',
  },
  {
    name: 'join',
    short: 'j',
    value: 'none',
    repeat: 'refuse',
    group: 'join',
    summary:
      'share one container with the other ranks on this node; the first one creates it, the others enter',
  },
  {
    name: 'join-ct',
    value: 'required',
    metavar: 'N',
    repeat: 'refuse',
    group: 'join',
    summary: 'the number of peers, itself included (default: what mpirun or srun says); implies --join',
  },
  {
    name: 'join-tag',
    value: 'required',
    metavar: 'TAG',
    repeat: 'refuse',
    group: 'join',
    summary:
      'the name that the peers have in common (default: the Slurm step, or the parent process); implies --join',
  },
  {
    name: 'join-timeout',
    value: 'required',
    metavar: 'SECONDS',
    repeat: 'refuse',
    group: 'join',
    summary: 'wait so long for the other peers (default: 30); implies --join',
  },
  {
    name: 'join-pid',
    value: 'required',
    metavar: 'PID',
    repeat: 'refuse',
    group: 'join',
    summary: 'enter the container of process PID instead of creating one',
  },
  {
    name: 'quiet',
    short: 'q',
    value: 'none',
    repeat: 'count',
    group: 'messages',
    summary: 'print less: -qq no warnings, -qqq not even why the command could not be started',
  },
  {
    name: 'verbose',
    short: 'v',
    value: 'none',
    repeat: 'count',
    group: 'messages',
    summary: 'print the steps as they are carried out; more with -vv',
  },
  {
    name: 'color',
    value: 'optional',
    metavar: 'WHEN',
    repeat: 'refuse',
    group: 'messages',
    summary: 'colour messages: auto (default; obeys NO_COLOR), always, never',
  },
  {
    name: 'log',
    value: 'required',
    metavar: 'FORMAT',
    repeat: 'refuse',
    group: 'messages',
    summary: 'how messages are printed; FORMAT: text (default), json (one object a line)',
  },
  {
    name: 'syslog',
    value: 'none',
    repeat: 'refuse',
    group: 'messages',
    summary: "write one line about each launch to the system's log",
  },
  {
    name: 'profile',
    value: 'required',
    metavar: 'NAME',
    repeat: 'collect',
    group: 'configuration',
    summary: 'add the options of profile NAME, from a configuration file',
  },
  {
    name: 'config',
    value: 'required',
    metavar: 'FILE',
    repeat: 'refuse',
    settable: 'by-variable',
    group: 'configuration',
    summary: 'read FILE instead of your own configuration file (~/.config/ch-run-ts/config.toml)',
  },
  {
    name: 'no-config',
    value: 'none',
    repeat: 'refuse',
    settable: 'by-variable',
    group: 'configuration',
    summary: 'leave out what configuration files set, but for what the site insists on',
  },
  {
    name: 'dry-run',
    value: 'optional',
    metavar: 'FORMAT',
    repeat: 'refuse',
    settable: 'by-variable',
    group: 'plan',
    summary: 'print the launch plan and run nothing; FORMAT: text (default), json, plan',
  },
  {
    name: 'plan',
    value: 'required',
    metavar: 'FILE',
    repeat: 'refuse',
    settable: 'never',
    group: 'plan',
    summary: 'run the plan that --dry-run=plan wrote to FILE; takes no other option and no IMAGE',
  },
  {
    name: 'no-memo',
    value: 'none',
    repeat: 'refuse',
    group: 'plan',
    summary: 'decide anew: neither use nor keep a remembered plan of this command line',
  },
  {
    name: 'memo-clear',
    value: 'none',
    repeat: 'refuse',
    settable: 'never',
    group: 'plan',
    summary:
      'forget all remembered plans (in $CH_RUN_MEMO_DIR, $XDG_CACHE_HOME/ch-run-ts or ~/.cache/ch-run-ts)',
  },
  {
    name: 'feature',
    value: 'required',
    metavar: 'F',
    repeat: 'refuse',
    settable: 'never',
    group: 'information',
    summary: 'exit 0 if feature F is built in, else 87 (extglob, overlayfs, seccomp, squash, tmpfs-xattrs)',
  },
  {
    name: 'completion',
    value: 'required',
    metavar: 'SHELL',
    repeat: 'refuse',
    settable: 'never',
    group: 'information',
    summary: 'print the script that makes SHELL complete our command line: bash, zsh, fish',
  },
  {
    name: 'doctor',
    value: 'optional',
    metavar: 'FORMAT',
    repeat: 'refuse',
    settable: 'never',
    group: 'information',
    summary:
      'find out what this machine allows, and what to do about what it refuses; FORMAT: text (default), json',
  },
  {
    name: 'help',
    short: '?',
    value: 'none',
    repeat: 'refuse',
    settable: 'never',
    group: 'information',
    summary: 'print this help, or all about one OPTION',
  },
  {
    name: 'usage',
    value: 'none',
    repeat: 'refuse',
    settable: 'never',
    group: 'information',
    summary: 'print a short usage line',
  },
  {
    name: 'version',
    short: 'V',
    value: 'none',
    repeat: 'refuse',
    settable: 'never',
    group: 'information',
    summary: 'print the version',
  },
] as const satisfies readonly Option[];

/** The long name of an option. */
export type OptionName = (typeof options)[number]['name'];

/** The table, for code that treats all options alike. */
export const optionTable: readonly Option[] = options;
