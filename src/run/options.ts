/** Every option of ch-run-ts, declared once: parser, help, completion, documents and configuration are made from it. */

import { ExitStatus } from '../base/errors.js';
import { defaultCdiDirectories } from '../cdi/read-specs.js';
import { shells } from '../cli/completion/values.js';
import type { Option } from '../cli/program.js';
import type { Values } from '../cli/values.js';
import { logFormats } from '../host/messages.js';
import { colors } from '../host/painter.js';
import { defaultStorage, storageVariable } from '../store/storage.js';
import { bindFlags } from './request.js';

/** The names that --feature takes. */
export const knownFeatures = [
  'extglob',
  'overlayfs',
  'seccomp',
  'squash',
  ...(['gzip', 'xz', 'lzo', 'lz4', 'zstd'] as const).map((name) => `squash-${name}` as const),
  'tmpfs-xattrs',
] as const;

/** The headings, in the order of help. */
export const optionGroups = {
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
    conflicts: ['overlay'],
    precedes: ['write-fake'],
    group: 'image',
    summary: 'mount the image read-write; it is read-only by default',
    details:
      "A directory image is changed in place, by everybody who runs it. A SquashFS image can't be written to: use --write-fake or --overlay. With --write-fake or --home too, the image is not changed: what is written goes to memory.",
  },
  {
    name: 'write-fake',
    short: 'W',
    value: 'optional',
    metavar: 'SIZE',
    repeat: 'refuse',
    implied: '12%',
    // tmpfs takes 0 for no limit at all
    form: { words: 'a size such as 12%, 500m or 2g', pattern: /^0*[1-9][0-9]*[kmg%]?$/i },
    conflicts: ['overlay'],
    group: 'image',
    summary: 'let writes go to memory, at most SIZE, and vanish in the end',
    details:
      'SIZE is a number of bytes with k, m or g, or a percentage of the memory of the machine. What is written counts as memory of the job. It needs unprivileged overlays: Linux 5.11 or later.',
  },
  {
    name: 'overlay',
    value: 'required',
    metavar: 'DIR',
    repeat: 'refuse',
    completes: 'directory',
    group: 'image',
    summary: 'let writes go to host directory DIR, which is made if missing, and keep them there',
    details:
      "DIR must lie on a local file system: NFS, Lustre, GPFS and FUSE can't hold the upper layer of an overlay. One container at a time can use it. DIR/upper holds what was written.",
  },
  {
    name: 'storage',
    short: 's',
    value: 'required',
    metavar: 'DIR',
    repeat: 'refuse',
    completes: 'directory',
    variable: storageVariable,
    default: defaultStorage,
    group: 'image',
    summary: 'look for images by name in DIR',
    details:
      "A name such as debian:12 means the directory that ch-image keeps under that name in DIR/img. DIR and DIR/img count only if they are yours or root's, are no links, and nobody else can write to them; else there is a warning, and the name is a path.",
  },
  {
    name: 'list',
    value: 'optional',
    metavar: 'FORMAT',
    repeat: 'refuse',
    action: 'configured',
    choices: ['text', 'json'],
    implied: 'text',
    group: 'image',
    summary: 'list the images in storage and run nothing',
  },
  {
    name: 'unsafe',
    value: 'none',
    repeat: 'refuse',
    group: 'image',
    summary: 'allow --write with a directory image in storage, and such images by path, as ch-image needs it',
    details:
      'This is what ch-image starts ch-run with: it changes images in storage while it builds them. Containers are no less closed with it.',
  },
  {
    name: 'mount',
    short: 'm',
    value: 'required',
    metavar: 'DIR',
    repeat: 'refuse',
    completes: 'directory',
    group: 'image',
    summary: 'mount a SquashFS image at host directory DIR; by default it needs no place',
    details: 'Only for SquashFS images. DIR must exist; nobody else sees the mount.',
  },
  {
    name: 'no-share',
    value: 'none',
    repeat: 'refuse',
    group: 'image',
    summary: 'give a SquashFS image a file-system server of its own',
    details:
      'By default one server for each user, image and node serves all launches, and ends with the last container.',
  },
  {
    name: 'bind',
    short: 'b',
    value: 'required',
    metavar: 'SRC[:DST[:OPT,...]]',
    repeat: 'collect',
    completes: 'path',
    group: 'files',
    summary: `bind host path SRC at guest path DST (same path by default); a missing DST is made; OPT: ${bindFlags.join(', ')}`,
    details:
      'Everything mounted below SRC comes along. Given more than once, in this order. Links in DST are followed inside the image. A missing DST is made before anything is bound: in memory, or in the image with --write. SRC can be a pattern as in glob(7): each match appears in directory DST. ro: read-only, with all that is mounted below it. optional: skip it where SRC or DST is missing. create: make DST also where it is optional, or inside an earlier bind. nosuid, nodev, noexec: as of mount(8). z and Z, as other programs have them, do nothing. A colon in SRC or DST is written \\:, and a backslash before a colon \\\\.',
  },
  {
    name: 'device',
    value: 'required',
    metavar: 'DEV',
    repeat: 'collect',
    group: 'files',
    summary:
      'put device DEV (CDI) into the container: vendor.com/class=name, vendor.com/class=all, or a specification file',
    details:
      "DEV is a name as the specification of the Container Device Interface has it, such as nvidia.com/gpu=0, or the path of a specification file, which begins with / or . and means all its devices. Device nodes are the host's; libraries and programs of the driver are bound, and what the vendor's hooks would do is done by ch-run-ts. Places that the image lacks, and links, are made in memory; the image stays read-only. See docs/devices.md.",
  },
  {
    name: 'devices',
    short: 'd',
    value: 'none',
    repeat: 'refuse',
    group: 'files',
    summary: 'put all devices into the container that are described on this machine (CDI)',
    details:
      'Of a kind that has a device called all, only that. A specification that can not be used gives a warning.',
  },
  {
    name: 'cdi-dirs',
    value: 'required',
    metavar: 'DIRS',
    repeat: 'refuse',
    completes: 'path',
    default: defaultCdiDirectories,
    group: 'files',
    summary: 'look for descriptions of devices in these directories',
    details:
      'Directories are separated by colons. Where several describe the same device, the last one counts; within one directory that is an error. Files end in .json or .yaml.',
  },
  {
    name: 'cdi-run-hooks',
    value: 'none',
    repeat: 'refuse',
    group: 'files',
    summary: "run those programs of a device's vendor (hooks) that ch-run-ts can not replace",
    details:
      'Without it a warning names them. They run before the container is ready, as createContainer hooks of the OCI runtime specification, as you, with the mounts of the container; those for later moments are not run.',
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
    conflicts: ['home'],
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
    details: 'Where DIR does not exist in the container, the command is not started.',
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
    completes: 'path',
    group: 'environment',
    summary: 'set VAR, or the variables in FILE, one a line (default: /ch/environment in the image)',
    details:
      'Values may name other variables as $VAR, each item of a colon-separated list being dropped if its variable is not set; see --env-no-expand. Lines in FILE are VAR=VALUE; single quotes around the value are removed.',
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
    summary: 'be group GID in the container',
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
    summary: 'call the machine NAME in the container, which has a UTS namespace of its own',
    details:
      'HOSTNAME in the environment is NAME, too. The name of the host stays as it is. It is not looked up anywhere: the container is reached by the names of the host. With --join all peers are in the same UTS namespace; --join-pid enters that of the container, where it has its own.',
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
    details:
      "Kerberos tickets in KEYRING: and AFS tokens lie in the session keyring, which programs in a container can read and use, as AFS and kerberized NFS need it. With this option they can't: for images that you do not trust. Files on such file systems may then be out of reach.",
  },
  {
    name: 'seccomp',
    value: 'none',
    repeat: 'refuse',
    group: 'identity',
    summary:
      'pretend that changes of owners and users, and making of devices, succeed, so that package managers work',
    details:
      "It fakes chown, set*id, setgroups, capset, mknod of devices, kexec_load and their variants. With --uid=0 the image's own passwd and group stay, because packages add users. Where the image can be written to, apt is told to download as root.",
  },
  {
    name: 'unmask',
    value: 'none',
    repeat: 'refuse',
    group: 'identity',
    summary: 'started by root: leave /proc/sys, /sys and similar files as accessible as they are on the host',
    details:
      'Where the caller is root of the machine, /sys and parts of /proc (acpi, bus, fs, irq, scsi, sys, sysrq-trigger) are read-only and others are hidden, as OCI runtimes have it: the kernel lets user 0 change settings there, in a container too. For other users it does nothing.',
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
      'Ranks that start within --join-timeout and have the same --join-tag share user and mount namespaces, so that they can use shared memory and read each other.',
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
    default: '30',
    group: 'join',
    summary: 'wait so long for the other peers; implies --join',
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
  {
    name: 'quiet',
    short: 'q',
    value: 'none',
    repeat: 'count',
    conflicts: ['verbose'],
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
    details:
      'Each step comes with the time since the start, which answers why a start was slow: that of deciding is in it, where no plan was remembered.',
  },
  {
    name: 'color',
    value: 'optional',
    metavar: 'WHEN',
    repeat: 'refuse',
    choices: colors,
    default: 'auto',
    implied: 'always',
    group: 'messages',
    summary: 'colour messages; auto obeys NO_COLOR',
  },
  {
    name: 'log',
    value: 'required',
    metavar: 'FORMAT',
    repeat: 'refuse',
    choices: logFormats,
    default: 'text',
    group: 'messages',
    summary: 'how messages are printed, JSON as one object a line',
    details:
      'Keys of every object: time (microseconds since 1970), program, pid, level (error, warning, info, step) and message. Where they apply: hint; status, with which the program ends; call and errno of the system call that failed; path; step, the one that was being carried out; elapsed (microseconds since the start). A byte that is not UTF-8 is written as \\udc80 to \\udcff. A mistake in the command line itself is told in JSON if --log=json stands before the image.',
  },
  {
    name: 'syslog',
    value: 'none',
    repeat: 'refuse',
    group: 'messages',
    summary: "write one line about each launch to the system's log",
    details:
      "The line is sent to /dev/log when the container is ready, and says: launch user=NAME uid=NUMBER version=VERSION image=PATH command=NAME memo=hit|miss|none, for a plan that was remembered, or not, or that did not come by this way. Values with blanks or unusual bytes are written as JSON strings. The command's arguments are not told. Where nobody listens or the log is slow, the line is dropped: no launch waits for it.",
  },
  {
    name: 'profile',
    value: 'required',
    metavar: 'NAME',
    repeat: 'collect',
    group: 'configuration',
    summary: 'add the options of profile NAME, from a configuration file',
    details:
      'A profile is a table [profile.NAME] in a configuration file. Its options rank above those of the files, and below variables and the command line. Profiles with "when" are on by themselves where one of those paths exists.',
  },
  {
    name: 'config',
    value: 'required',
    metavar: 'FILE',
    repeat: 'refuse',
    settable: 'by-variable',
    completes: 'path',
    conflicts: ['no-config'],
    group: 'configuration',
    summary: 'read FILE instead of your own configuration file (~/.config/ch-run-ts/config.toml)',
    details: "The site's file, /etc/ch-run-ts/config.toml, is read all the same. See docs/configuration.md.",
  },
  {
    name: 'no-config',
    value: 'none',
    repeat: 'refuse',
    settable: 'by-variable',
    group: 'configuration',
    summary: 'leave out what configuration files set, but for what the site insists on',
    details:
      "What the site's file forbids and always adds still holds, and so do CH_RUN_ variables and profiles that come with ch-run-ts.",
  },
  {
    name: 'dry-run',
    value: 'optional',
    metavar: 'FORMAT',
    repeat: 'refuse',
    settable: 'by-variable',
    choices: ['text', 'json', 'plan'],
    implied: 'text',
    group: 'plan',
    summary: 'print the launch plan and run nothing',
    details:
      'It begins with the options that were set, and where: file and line, variable, or command line. --dry-run=plan writes what --plan reads.',
  },
  {
    name: 'plan',
    value: 'required',
    metavar: 'FILE',
    repeat: 'refuse',
    action: 'plain',
    completes: 'path',
    group: 'plan',
    summary: 'run the plan that --dry-run=plan wrote to FILE; takes no other option and no IMAGE',
    details:
      'The file must be a regular file of yours that nobody else can write. Nothing is decided then.',
  },
  {
    name: 'no-memo',
    value: 'none',
    repeat: 'refuse',
    group: 'plan',
    summary: 'decide anew: neither use nor keep a remembered plan of this command line',
    details: 'See "Remembered plans" in docs/how-it-works.md.',
  },
  {
    name: 'memo-clear',
    value: 'none',
    repeat: 'refuse',
    action: 'plain',
    group: 'plan',
    summary:
      'forget all remembered plans (in $CH_RUN_MEMO_DIR, $XDG_CACHE_HOME/ch-run-ts or ~/.cache/ch-run-ts)',
  },
  {
    name: 'feature',
    value: 'required',
    metavar: 'F',
    repeat: 'refuse',
    action: 'plain',
    completes: knownFeatures,
    group: 'information',
    summary: `exit 0 if feature F is built in, else ${ExitStatus.featureAbsent} (${knownFeatures.join(', ')})`,
    details: 'Prints nothing.',
  },
  {
    name: 'completion',
    value: 'required',
    metavar: 'SHELL',
    repeat: 'refuse',
    action: 'plain',
    completes: shells,
    group: 'information',
    summary: `print the script that makes SHELL complete our command line: ${shells.join(', ')}`,
    details:
      'In ~/.bashrc: source <(ch-run-ts --completion=bash). In ~/.zshrc, after compinit: source <(ch-run-ts --completion=zsh). In config.fish: ch-run-ts --completion=fish | source. These scripts ask back: with "images" for SHELL, the names of the images in storage are printed, and with "commands:IMAGE" the programs of a directory image, each name followed by a NUL.',
  },
  {
    name: 'doctor',
    value: 'optional',
    metavar: 'FORMAT',
    repeat: 'refuse',
    action: 'plain',
    choices: ['text', 'json'],
    implied: 'text',
    group: 'information',
    summary: 'find out what this machine allows, and what to do about what it refuses',
    details: `Every check is done for real, in a process of its own. A "no" comes with its cause and what you or the administrator can do. The exit status is 0 if containers can be run here, else ${ExitStatus.failure}.`,
  },
  {
    name: 'help',
    short: '?',
    value: 'none',
    repeat: 'refuse',
    action: 'plain',
    group: 'information',
    summary: 'print this help, or all about one OPTION',
  },
  {
    name: 'usage',
    value: 'none',
    repeat: 'refuse',
    action: 'plain',
    group: 'information',
    summary: 'print a short usage line',
  },
  {
    name: 'version',
    short: 'V',
    value: 'none',
    repeat: 'refuse',
    action: 'plain',
    group: 'information',
    summary: 'print the version',
  },
] as const satisfies readonly (Option & { readonly group: keyof typeof optionGroups })[];

/** A row of the table. */
export type RunOption = (typeof options)[number];

/** The checked values of the options. */
export type RunValues = Values<RunOption>;
