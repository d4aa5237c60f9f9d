/** Rows of the option table: what image, and what lies on top of it. */

import type { Option } from '../../cli/program.js';
import { defaultStorage, storageVariable } from '../../store/storage.js';

export const imageOptions = [
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
    summary: 'write to memory instead of the image, at most SIZE; it is discarded at the end',
    details:
      'SIZE is a number of bytes with k, m or g, or a percentage of the memory of the machine. Files written count as memory of the job. It needs unprivileged overlays: Linux 5.11 or later.',
  },
  {
    name: 'overlay',
    value: 'required',
    metavar: 'DIR',
    repeat: 'refuse',
    completes: 'directory',
    group: 'image',
    summary: 'write to host directory DIR instead of the image, and keep it; DIR is created if missing',
    details:
      "DIR must lie on a local file system: NFS, Lustre, GPFS and FUSE can't hold the upper directory of an overlay. One container at a time can use it. DIR/upper holds what was written.",
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
      'A name such as debian:12 means the directory that ch-image keeps under that name in DIR/img. DIR and DIR/img are used only if they belong to you or root, are not symbolic links, and nobody else can write to them; otherwise there is a warning, and the name is taken as a path.',
  },
  {
    name: 'pull',
    value: 'optional',
    metavar: 'WHEN',
    repeat: 'refuse',
    choices: ['missing', 'never'],
    implied: 'missing',
    default: 'never',
    group: 'image',
    summary: 'get an image docker://REF with ch-image-ts if it is not in storage',
    details:
      "Whether that is done at a launch is for the site or for you to say, also in the configuration: pull = 'missing' in [options]. Of many processes that start at once, one gets the image, and the others wait. What is in storage is not asked for again: 'ch-image-ts pull' gets a new version.",
  },
  {
    name: 'image-config',
    value: 'none',
    repeat: 'refuse',
    group: 'image',
    summary: "use the image's ENTRYPOINT, ENV, WORKDIR, USER and VOLUME for COMMAND, too",
    details:
      "Without COMMAND, the image runs as its configuration in /ch/config.json says, or as its Apptainer runscript says. With COMMAND, nothing of that is used, but with this option: COMMAND then takes the place of the image's CMD. --uid, --gid, --home, --cd and --set-env take precedence over the configuration.",
  },
  {
    name: 'no-volumes',
    value: 'none',
    repeat: 'refuse',
    group: 'image',
    summary: 'leave VOLUMEs of the image read-only; by default they can be written to, in memory',
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
    summary: 'allow --write with a directory image in storage, and such images by path; for ch-image',
    details:
      'For ch-image, which starts ch-run with this option, because it changes images in storage while it builds them. Containers are isolated as without it.',
  },
  {
    name: 'mount',
    short: 'm',
    value: 'required',
    metavar: 'DIR',
    repeat: 'refuse',
    completes: 'directory',
    group: 'image',
    summary: 'mount a SquashFS image at host directory DIR; by default no mount point is needed',
    details: 'Only for SquashFS images. DIR must exist; nobody else sees the mount.',
  },
  {
    name: 'no-share',
    value: 'none',
    repeat: 'refuse',
    group: 'image',
    summary: 'start a separate file-system server for a SquashFS image',
    details:
      'By default one server for each user, image and node serves all launches, and ends with the last container.',
  },
  {
    name: 'no-read-ahead',
    value: 'none',
    repeat: 'refuse',
    group: 'image',
    summary: 'neither remember what the command reads from a SquashFS image, nor read it ahead',
    details:
      'By default the blocks that a command reads in its first seconds are remembered, and the next file-system server for the same image and command reads them ahead on idle cores. --no-memo implies this.',
  },
] as const satisfies readonly Option[];
