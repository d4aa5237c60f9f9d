/** Rows of the option table: messages, configuration, launch plans, information. */
import { ExitStatus } from '../../base/errors.js';
import { versionOption } from '../../cli/common-options.js';
import { shells } from '../../cli/completion/values.js';
import type { Option } from '../../cli/program.js';
import { logFormats } from '../../host/messages.js';
import { colors } from '../../host/painter.js';

/** The names that --feature takes. */
export const knownFeatures = [
  'extglob',
  'overlayfs',
  'seccomp',
  'squash',
  ...(['gzip', 'xz', 'lzo', 'lz4', 'zstd'] as const).map((name) => `squash-${name}` as const),
  'tmpfs-xattrs',
] as const;

export const messagesOptions = [
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
      'Each step is printed with the time since the start, which shows why a start was slow. It includes the time to decide where no plan was remembered.',
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
    summary: 'how messages are printed; JSON is one object per line',
    details:
      'Keys of every object: time (microseconds since 1970), program, pid, level (error, warning, info, step) and message. Where they apply: hint; status, the exit status of the program; call and errno of the system call that failed; path; step, the one that was being carried out; elapsed (microseconds since the start). A byte that is not UTF-8 is written as \\udc80 to \\udcff. An error in the command line itself is reported in JSON if --log=json comes before the image.',
  },
  {
    name: 'syslog',
    value: 'none',
    repeat: 'refuse',
    group: 'messages',
    summary: 'write one line about each launch to the system log',
    details:
      "The line is sent to /dev/log when the container is ready, and says: launch user=NAME uid=NUMBER version=VERSION image=PATH command=NAME memo=hit|miss|none, for a plan that was remembered, one that is remembered from now on, and any other. Values with blanks or unusual bytes are written as JSON strings. The command's arguments are not logged. If nobody listens or the log is slow, the line is dropped: no launch waits for it.",
  },
  {
    name: 'profile',
    value: 'required',
    metavar: 'NAME',
    repeat: 'collect',
    group: 'configuration',
    summary: 'add the options of profile NAME, from a configuration file',
    details:
      'A profile is a table [profile.NAME] in a configuration file. Its options take precedence over those of the files, and variables and the command line over its own. Profiles with "when" are activated automatically if one of those paths exists.',
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
    details: "The site's file is read in any case. See docs/configuration.md.",
  },
  {
    name: 'no-config',
    value: 'none',
    repeat: 'refuse',
    settable: 'by-variable',
    group: 'configuration',
    summary: 'ignore configuration files, except for what the site enforces',
    details:
      "What the site's file forbids and always adds still applies, and so do CH_RUN_ variables and profiles that come with ch-run-ts.",
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
      'The file must be a regular file that belongs to you and that nobody else can write to. The plan is run unchanged.',
  },
  {
    name: 'no-memo',
    value: 'none',
    repeat: 'refuse',
    group: 'plan',
    summary: 'neither use nor store a remembered plan of this command line',
    details: 'See "Remembered plans" in docs/how-it-works.md.',
  },
  {
    name: 'memo-clear',
    value: 'none',
    repeat: 'refuse',
    action: 'plain',
    group: 'plan',
    summary:
      'delete all remembered plans and reads (in $CH_RUN_MEMO_DIR, $XDG_CACHE_HOME/ch-run-ts or ~/.cache/ch-run-ts)',
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
    summary: `print the completion script for SHELL: ${shells.join(', ')}`,
    details:
      'In ~/.bashrc: source <(ch-run-ts --completion=bash). In ~/.zshrc, after compinit: source <(ch-run-ts --completion=zsh). In config.fish: ch-run-ts --completion=fish | source. These scripts call ch-run-ts again: with "images" for SHELL, the names of the images in storage are printed, and with "commands:IMAGE" the programs of a directory image, each name followed by a NUL.',
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
    summary: 'check what this machine allows, and say what to do about what it refuses',
    details: `Each check is a real attempt, in a separate process. A "no" is printed with its cause and what you or the administrator can do. The exit status is 0 if containers can be run here, else ${ExitStatus.failure}.`,
  },
  {
    name: 'help',
    short: '?',
    value: 'none',
    repeat: 'refuse',
    action: 'plain',
    group: 'information',
    summary: 'print this help, or details about OPTION',
  },
  {
    name: 'usage',
    value: 'none',
    repeat: 'refuse',
    action: 'plain',
    group: 'information',
    summary: 'print a short usage line',
  },
  versionOption,
] as const satisfies readonly Option[];
