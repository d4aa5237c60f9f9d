/** What --help OPTION, the manual and docs/options.md say about an option beyond its line in the table. */
import type { OptionName } from './options.js';

export const optionDetails: Readonly<Partial<Record<OptionName, string>>> = {
  write:
    "A directory image is changed in place, by everybody who runs it. A SquashFS image can't be written to: use --write-fake or --overlay. With --write-fake or --home too, the image is not changed: what is written goes to memory.",
  'write-fake':
    'SIZE is a number of bytes with k, m or g, or a percentage of the memory of the machine. What is written counts as memory of the job. It needs unprivileged overlays: Linux 5.11 or later.',
  overlay:
    "DIR must lie on a local file system: NFS, Lustre, GPFS and FUSE can't hold the upper layer of an overlay. One container at a time can use it. DIR/upper holds what was written.",
  'new-keyring':
    "Kerberos tickets in KEYRING: and AFS tokens lie in the session keyring, which programs in a container can read and use, as AFS and kerberized NFS need it. With this option they can't: for images that you do not trust. Files on such file systems may then be out of reach.",
  storage:
    "A name such as debian:12 means the directory that ch-image keeps under that name in DIR/img. DIR and DIR/img count only if they are yours or root's, are no links, and nobody else can write to them; else there is a warning, and the name is a path.",
  unsafe:
    'This is what ch-image starts ch-run with: it changes images in storage while it builds them. Containers are no less closed with it.',
  mount: 'Only for SquashFS images. DIR must exist; nobody else sees the mount.',
  'no-share':
    'By default one server for each user, image and node serves all launches, and ends with the last container.',
  bind: 'Everything mounted below SRC comes along. Given more than once, in this order. Links in DST are followed inside the image. A missing DST is made before anything is bound: in memory, or in the image with --write. SRC can be a pattern as in glob(7): each match appears in directory DST. ro: read-only, with all that is mounted below it. optional: skip it where SRC or DST is missing. create: make DST also where it is optional, or inside an earlier bind. nosuid, nodev, noexec: as of mount(8). z and Z, as other programs have them, do nothing. A colon in SRC or DST is written \\:, and a backslash before a colon \\\\.',
  cd: 'Where DIR does not exist in the container, the command is not started.',
  device:
    "DEV is a name as the specification of the Container Device Interface has it, such as nvidia.com/gpu=0, or the path of a specification file, which begins with / or . and means all its devices. Device nodes are the host's; libraries and programs of the driver are bound, and what the vendor's hooks would do is done by ch-run-ts. Places that the image lacks, and links, are made in memory; the image stays read-only. See docs/devices.md.",
  devices:
    'Of a kind that has a device called all, only that. A specification that can not be used gives a warning.',
  'cdi-dirs':
    'Directories are separated by colons. Where several describe the same device, the last one counts; within one directory that is an error. Files end in .json or .yaml.',
  'cdi-run-hooks':
    'Without it a warning names them. They run before the container is ready, as createContainer hooks of the OCI runtime specification, as you, with the mounts of the container; those for later moments are not run.',
  'set-env':
    'Values may name other variables as $VAR, each item of a colon-separated list being dropped if its variable is not set; see --env-no-expand. Lines in FILE are VAR=VALUE; single quotes around the value are removed.',
  'unset-env':
    'Patterns are those of fnmatch(3) with extended globs. Quote them, or the shell expands them first.',
  uid: 'This changes names only: files and processes stay yours. --uid=0 looks like root to programs that ask.',
  gid: 'See --uid.',
  seccomp:
    "It fakes chown, set*id, setgroups, capset, mknod of devices, kexec_load and their variants. With --uid=0 the image's own passwd and group stay, because packages add users. Where the image can be written to, apt is told to download as root.",
  unmask:
    'Where the caller is root of the machine, /sys and parts of /proc (acpi, bus, fs, irq, scsi, sys, sysrq-trigger) are read-only and others are hidden, as OCI runtimes have it: the kernel lets user 0 change settings there, in a container too. For other users it does nothing.',
  join: 'Ranks that start within --join-timeout and have the same --join-tag share user and mount namespaces, so that they can use shared memory and read each other.',
  'join-pid': 'The process must be yours.',
  verbose:
    'Each step comes with the time since the start, which answers why a start was slow: that of Node.js is in it, where no plan was remembered.',
  log: 'Keys of every object: time (microseconds since 1970), program, pid, level (error, warning, info, step) and message. Where they apply: hint; status, with which the program ends; call and errno of the system call that failed; path; step, the one that was being carried out; elapsed (microseconds since the start). A byte that is not UTF-8 is written as \\udc80 to \\udcff. A mistake in the command line itself is told in JSON if --log=json stands before the image.',
  syslog:
    "The line is sent to /dev/log when the container is ready, and says: launch user=NAME uid=NUMBER version=VERSION image=PATH command=NAME memo=hit|miss|none, for a plan that was remembered, or not, or that did not come by this way. Values with blanks or unusual bytes are written as JSON strings. The command's arguments are not told. Where nobody listens or the log is slow, the line is dropped: no launch waits for it.",
  profile:
    'A profile is a table [profile.NAME] in a configuration file. Its options rank above those of the files, and below variables and the command line. Profiles with "when" are on by themselves where one of those paths exists.',
  config: "The site's file, /etc/ch-run-ts/config.toml, is read all the same. See docs/configuration.md.",
  'no-config':
    "What the site's file forbids and always adds still holds, and so do CH_RUN_ variables and profiles that come with ch-run-ts.",
  'dry-run':
    'It begins with the options that were set, and where: file and line, variable, or command line. --dry-run=plan writes what --plan reads.',
  plan: 'The file must be a regular file of yours that nobody else can write. Starting with it needs no Node.js.',
  'no-memo': 'See "Remembered plans" in docs/how-it-works.md.',
  completion:
    'In ~/.bashrc: source <(ch-run-ts --completion=bash). In ~/.zshrc, after compinit: source <(ch-run-ts --completion=zsh). In config.fish: ch-run-ts --completion=fish | source. These scripts ask back: with "images" for SHELL, the names of the images in storage are printed, and with "commands:IMAGE" the programs of a directory image, each name followed by a NUL.',
  feature: 'Prints nothing.',
  doctor:
    'Every check is done for real, in a process of its own. A "no" comes with its cause and what you or the administrator can do. The exit status is 0 if containers can be run here, else 31.',
};
