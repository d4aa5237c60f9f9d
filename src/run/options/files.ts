/** Rows of the option table: files and directories of the host, and devices. */
import { deviceRow } from '../../cdi/names.js';
import { defaultCdiDirectories } from '../../cdi/read-specs.js';
import type { Option } from '../../cli/program.js';
import { bindFlags, bindRow } from '../../plan/bind-words.js';

export const filesOptions = [
  {
    ...bindRow,
    group: 'files',
    summary: `bind host path SRC at guest path DST (same path by default); a missing DST is created; OPT: ${bindFlags.join(', ')}`,
    details:
      'Everything mounted below SRC is bound, too. If given more than once, binds are made in this order. Symbolic links in DST are followed inside the image. A missing DST is created before anything is bound: in memory, or in the image with --write. SRC can be a pattern as in glob(7): each match appears in directory DST. ro: read-only, with all that is mounted below it. optional: skip the bind if SRC or DST is missing. create: create DST even if it is optional, or inside an earlier bind. nosuid, nodev, noexec: as in mount(8). z and Z are accepted for compatibility and do nothing. A colon in SRC or DST is written \\:, and a backslash before a colon \\\\.',
  },
  {
    ...deviceRow,
    group: 'files',
    details:
      "DEV is a name of the Container Device Interface, such as nvidia.com/gpu=0, or the path of a specification file, which begins with / or . and means all its devices. Device nodes are the host's; libraries and programs of the driver are bound, and what the vendor's hooks would do is done by ch-run-ts. Paths that the image lacks, and symbolic links, are created in memory; the image stays read-only. See docs/devices.md.",
  },
  {
    name: 'devices',
    short: 'd',
    value: 'none',
    repeat: 'refuse',
    group: 'files',
    summary: 'put all devices into the container that are described on this machine (CDI)',
    details:
      "If a kind has a device called all, only that one is used. A specification that can't be used causes a warning.",
  },
  {
    name: 'cdi-dirs',
    value: 'required',
    metavar: 'DIRS',
    repeat: 'refuse',
    completes: 'path',
    default: defaultCdiDirectories,
    group: 'files',
    summary: 'look for device specifications in these directories',
    details:
      'Directories are separated by colons. If several describe the same device, the last one takes precedence; within one directory that is an error. Files end in .json or .yaml.',
  },
  {
    name: 'cdi-run-hooks',
    value: 'none',
    repeat: 'refuse',
    group: 'files',
    summary: "run those hooks of a device's vendor that ch-run-ts can't replace",
    details:
      'Without it a warning names them. They run before the container is ready, as createContainer hooks of the OCI runtime specification, as you, with the mounts of the container; those of later stages are not run.',
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
    summary: 'do nothing: the home directory is not bound by default; for older workflow systems',
  },
  {
    name: 'cd',
    short: 'c',
    value: 'required',
    metavar: 'DIR',
    repeat: 'refuse',
    group: 'files',
    summary: 'start the command in guest directory DIR instead of /',
    details: 'If DIR does not exist in the container, the command is not started.',
  },
  {
    name: 'private-tmp',
    short: 't',
    value: 'none',
    repeat: 'refuse',
    group: 'files',
    summary: "mount a fresh tmpfs at /tmp instead of the host's $TMPDIR (or /tmp)",
  },
] as const satisfies readonly Option[];
