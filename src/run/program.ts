/** ch-run-ts, for parser, help, documents, completion and configuration. */
import { ExitStatus } from '../base/errors.js';
import type { Program } from '../cli/program.js';
import { storageVariable } from '../store/storage.js';
import { optionGroups, options } from './options.js';

export const program: Program = {
  name: 'ch-run-ts',
  summary: 'run a command in a container image, without any privilege',
  description:
    'Run COMMAND in the container image IMAGE, without any privilege: a directory, a SquashFS file, or a name in storage.',
  notes: 'The command is the process that was started: same process ID, signals, limits and exit status.',
  operands: 'IMAGE -- COMMAND [ARG...]',
  form: 'image-and-command',
  groups: optionGroups,
  common: options,
  commands: [],
  prefix: 'CH_RUN_',
  variables: ['CH_RUN_MEMO_DIR'],
  examples: [
    ['ch-run-ts ./img -- python3 job.py', 'run a program of the image'],
    ['ch-run-ts -b /scratch:/mnt -c /mnt ./img -- ls', 'with a host directory'],
    ['srun ch-run-ts --join img.sqfs -- ./simulation', 'ranks share one container'],
  ],
  success: 'that of COMMAND',
  exitStatuses: [
    [ExitStatus.failure, 'the launcher failed'],
    [ExitStatus.command, 'COMMAND could not be started'],
    [ExitStatus.usage, 'usage error'],
    [ExitStatus.server, 'the file-system server failed'],
    [ExitStatus.featureAbsent, 'the feature is not built in'],
  ],
  sections: [
    [
      'FILES',
      [
        ['/etc/ch-run-ts/config.toml', "The site's configuration, in TOML."],
        [
          'PREFIX/etc/ch-run-ts/config.toml',
          "The site's, where there is none in /etc. PREFIX/bin is where the program lies, links followed.",
        ],
        [
          '~/.config/ch-run-ts/config.toml',
          'Your own configuration; below $XDG_CONFIG_HOME, if that is set. See docs/configuration.md for the format.',
        ],
        [
          '~/.cache/ch-run-ts',
          'Remembered plans; below $XDG_CACHE_HOME, if that is set. They contain the options, paths, and names of variables, and are kept with mode 600 for up to 30 days. They contain no values set by --set-env=NAME=VALUE and CH_RUN_SET_ENV, but those set in a configuration file.',
        ],
      ],
    ],
    [
      'ENVIRONMENT',
      [
        [
          'CH_RUN_OPTION',
          'Sets an option: its name in capitals, with _ for -, as in CH_RUN_WRITE_FAKE=20%. Flags are yes or no; values of an option that can be given more than once are separated by semicolons. The command line takes precedence over variables, and variables over files.',
        ],
        ['CH_RUN_MEMO_DIR', 'Directory of remembered plans; if empty, no plans are remembered.'],
        [storageVariable, 'Directory in which images are looked up by name.'],
      ],
    ],
  ],
};
