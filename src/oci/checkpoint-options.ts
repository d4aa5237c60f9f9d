/** The options of `checkpoint` and `restore`. */
import type { Option } from '../cli/program.js';
import { creationOptions, detach, noSubreaper } from './options.js';

const flag = { value: 'none', repeat: 'refuse', group: 'checkpoint' } as const;
const valued = { value: 'required', repeat: 'refuse', group: 'checkpoint' } as const;

/** Of both. */
const sharedOptions = [
  {
    ...valued,
    name: 'image-path',
    metavar: 'DIR',
    completes: 'directory',
    summary: 'the directory of the checkpoint; by default ./checkpoint',
  },
  {
    ...valued,
    name: 'work-path',
    metavar: 'DIR',
    completes: 'directory',
    summary: "where CRIU's log and statistics are written; by default --image-path",
  },
  {
    ...flag,
    name: 'tcp-established',
    summary: 'with TCP connections that are open',
  },
  {
    ...flag,
    name: 'ext-unix-sk',
    summary: 'with Unix sockets whose other end is outside of the container',
  },
  {
    ...flag,
    name: 'shell-job',
    summary: "with processes that belong to the caller's session or terminal",
  },
  { ...flag, name: 'file-locks', summary: 'with locks of files' },
  {
    ...valued,
    name: 'manage-cgroups-mode',
    metavar: 'MODE',
    choices: ['soft', 'full', 'strict', 'ignore'],
    summary: 'what becomes of settings of control groups, as in criu(8)',
  },
  {
    ...valued,
    name: 'empty-ns',
    metavar: 'NAMESPACE',
    choices: ['network'],
    summary: 'leave out what is in this namespace: done for a network namespace in any case',
  },
  { ...flag, name: 'auto-dedup', summary: 'keep memory once only in a chain of checkpoints' },
] as const satisfies readonly Option[];

export const checkpointOptions: readonly Option[] = [
  ...sharedOptions,
  {
    ...flag,
    name: 'leave-running',
    summary: 'the container runs on; else it is deleted, as in runc and crun',
  },
  {
    ...flag,
    name: 'pre-dump',
    summary: 'write its memory only, and let it run on: for --parent-path of a later checkpoint',
  },
  {
    ...valued,
    name: 'parent-path',
    metavar: 'DIR',
    completes: 'directory',
    summary: 'the checkpoint before, relative to --image-path: write only what has changed since',
  },
];

export const restoreOptions: readonly Option[] = [
  ...sharedOptions,
  ...creationOptions.filter(({ name }) => ['bundle', 'config', 'pid-file', 'console-socket'].includes(name)),
  detach,
  noSubreaper,
  {
    ...valued,
    name: 'lsm-profile',
    metavar: 'TYPE:NAME',
    form: { words: 'TYPE:NAME', pattern: /^(apparmor|selinux):./ },
    summary: 'with this AppArmor profile or SELinux label in place of the saved one',
  },
  {
    ...valued,
    name: 'lsm-mount-context',
    metavar: 'LABEL',
    summary: 'mount with this SELinux label in place of the saved one',
  },
];
