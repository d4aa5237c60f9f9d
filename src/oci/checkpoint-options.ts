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
    summary: 'include established TCP connections',
  },
  {
    ...flag,
    name: 'ext-unix-sk',
    summary: 'allow Unix sockets whose peer is outside of the container',
  },
  {
    ...flag,
    name: 'shell-job',
    summary: "allow processes in the caller's session or on its terminal",
  },
  { ...flag, name: 'file-locks', summary: 'include file locks' },
  {
    ...valued,
    name: 'manage-cgroups-mode',
    metavar: 'MODE',
    choices: ['soft', 'full', 'strict', 'ignore'],
    summary: 'how CRIU treats settings of control groups, see criu(8)',
  },
  {
    ...valued,
    name: 'empty-ns',
    metavar: 'NAMESPACE',
    choices: ['network'],
    summary: 'leave out the contents of this namespace; those of a network namespace are always left out',
  },
  { ...flag, name: 'auto-dedup', summary: 'store each page of memory only once in a chain of checkpoints' },
] as const satisfies readonly Option[];

export const checkpointOptions: readonly Option[] = [
  ...sharedOptions,
  {
    ...flag,
    name: 'leave-running',
    summary: 'leave the container running; otherwise it is deleted, as in runc and crun',
  },
  {
    ...flag,
    name: 'pre-dump',
    summary: 'save only its memory and leave it running, for --parent-path of a later checkpoint',
  },
  {
    ...valued,
    name: 'parent-path',
    metavar: 'DIR',
    completes: 'directory',
    summary: 'the previous checkpoint, relative to --image-path: save only what has changed since',
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
    summary: 'use this AppArmor profile or SELinux label instead of the saved one',
  },
  {
    ...valued,
    name: 'lsm-mount-context',
    metavar: 'LABEL',
    summary: 'mount with this SELinux label instead of the saved one',
  },
];
