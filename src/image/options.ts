/** The options of ch-image-ts: one row each. Parser, help, completion, manual and documents are made from it. */
import { deviceRow } from '../cdi/names.js';
import { versionOption } from '../cli/common-options.js';
import { shells } from '../cli/completion/values.js';
import type { Option } from '../cli/program.js';
import type { Values } from '../cli/values.js';
import { bindRow } from '../plan/bind-words.js';
import { defaultStorage, storageVariable } from '../store/storage.js';

export const optionGroups = {
  image: 'Image',
  registry: 'Registries',
  storage: 'Storage',
  bundle: 'Bundle',
  work: 'Work',
  information: 'Information',
} as const;

const number = { words: 'a number above 0', pattern: /^[1-9][0-9]{0,9}$/ } as const;
const size = {
  words: 'a number, with K, M, G or T for units',
  pattern: /^[1-9][0-9]{0,11}[KMGT]?$/,
} as const;

export const storageOption = {
  name: 'storage',
  short: 's',
  value: 'required',
  metavar: 'DIR',
  repeat: 'refuse',
  default: defaultStorage,
  variable: storageVariable,
  completes: 'directory',
  group: 'storage',
  summary: 'keep images in DIR',
} as const satisfies Option;

export const forceOption = {
  name: 'force',
  short: 'f',
  value: 'none',
  repeat: 'refuse',
  group: 'storage',
  summary: 'replace an existing image, file or directory',
} as const satisfies Option;

export const archOption = {
  name: 'arch',
  value: 'required',
  metavar: 'ARCH',
  repeat: 'refuse',
  group: 'image',
  summary: 'select the image for ARCH, an OCI name: amd64, arm64 (default: that of this machine)',
} as const satisfies Option;

export const unpackOption = {
  name: 'unpack',
  value: 'none',
  repeat: 'refuse',
  group: 'image',
  summary: 'store the image as a directory, which --write can change, instead of SquashFS',
} as const satisfies Option;

export const jobsOption = {
  name: 'jobs',
  short: 'j',
  value: 'required',
  metavar: 'N',
  repeat: 'refuse',
  form: number,
  group: 'work',
  summary: 'compress with N threads (default: the CPUs that this process may use)',
} as const satisfies Option;

export const levelOption = {
  name: 'level',
  value: 'required',
  metavar: 'N',
  repeat: 'refuse',
  form: { words: 'a number from 1 to 19', pattern: /^([1-9]|1[0-9])$/ },
  default: '3',
  group: 'work',
  summary: 'compress at zstd level N',
  details:
    'Higher levels take much longer, and make little smaller: level 15 takes 20 times as long for a tenth less.',
} as const satisfies Option;

export const mostBytesOption = {
  name: 'most-bytes',
  value: 'required',
  metavar: 'SIZE',
  repeat: 'refuse',
  form: size,
  default: '256G',
  group: 'work',
  summary: 'refuse images larger than SIZE when unpacked',
  details: 'A small archive can contain endless zeros.',
} as const satisfies Option;

export const mostEntriesOption = {
  name: 'most-entries',
  value: 'required',
  metavar: 'N',
  repeat: 'refuse',
  form: number,
  default: '10000000',
  group: 'work',
  summary: 'refuse images of more than N files',
} as const satisfies Option;

export const jsonOption = {
  name: 'json',
  value: 'none',
  repeat: 'refuse',
  group: 'information',
  summary: 'print JSON',
} as const satisfies Option;

export const authfileOption = {
  name: 'authfile',
  value: 'required',
  metavar: 'FILE',
  repeat: 'refuse',
  completes: 'path',
  group: 'registry',
  summary: 'read and save credentials in FILE',
  details:
    'By default, those of podman and docker are used: $REGISTRY_AUTH_FILE, containers/auth.json below $XDG_RUNTIME_DIR and $XDG_CONFIG_HOME, ~/.docker/config.json, and the helpers that these name.',
} as const satisfies Option;

export const noVerifyOption = {
  name: 'tls-no-verify',
  value: 'none',
  repeat: 'refuse',
  group: 'registry',
  summary: 'accept any certificate, and plain HTTP if the registry has no TLS',
} as const satisfies Option;

export const dryRunOption = {
  name: 'dry-run',
  value: 'none',
  repeat: 'refuse',
  group: 'information',
  summary: 'print what would be downloaded, with sizes',
} as const satisfies Option;

export const usernameOption = {
  name: 'username',
  short: 'u',
  value: 'required',
  metavar: 'NAME',
  repeat: 'refuse',
  group: 'registry',
  summary: 'log in as NAME (default: ask on the terminal)',
} as const satisfies Option;

export const passwordStdinOption = {
  name: 'password-stdin',
  value: 'none',
  repeat: 'refuse',
  group: 'registry',
  summary: 'read the password from standard input (default: ask on the terminal)',
} as const satisfies Option;

export const verifyKeyOption = {
  name: 'verify-key',
  value: 'required',
  metavar: 'FILE',
  repeat: 'refuse',
  completes: 'path',
  group: 'registry',
  summary: 'refuse an image unless it has a cosign signature that matches the public key in FILE',
  details:
    'What /etc/containers/policy.json and ~/.config/containers/policy.json require must be true besides: containers-policy.json(5).',
} as const satisfies Option;

export const chunkOption = {
  name: 'chunk',
  value: 'required',
  metavar: 'SIZE',
  repeat: 'refuse',
  form: size,
  group: 'registry',
  summary: 'upload blobs in chunks of SIZE (default: each in one request)',
  details: 'Some proxies refuse large requests; some registries refuse parts.',
} as const satisfies Option;

export const bindOption = {
  ...bindRow,
  group: 'bundle',
  summary: 'bind host path SRC at guest path DST (same path by default), as ch-run-ts does',
  details:
    'OPT: ro, nosuid, nodev, noexec, with all that is mounted below it; optional: skip the bind if SRC is missing. A bind at a place where every bundle has one replaces that.',
} as const satisfies Option;

export const deviceOption = {
  ...deviceRow,
  group: 'bundle',
  details:
    "What its specification asks for stands in config.json: files of the driver, variables, and the vendor's hooks, which the runtime starts.",
} as const satisfies Option;

export const isolateOption = {
  name: 'isolate',
  value: 'none',
  repeat: 'refuse',
  group: 'bundle',
  summary:
    "give the container its own network, IPC, processes, host name, /dev/shm and /tmp instead of the host's",
  details: 'MPI needs those of the host.',
} as const satisfies Option;

export const inPlaceOption = {
  name: 'in-place',
  value: 'none',
  repeat: 'refuse',
  group: 'bundle',
  summary: 'leave the image in its SquashFS or SIF file, and refer to that in the bundle: for ch-oci-ts only',
} as const satisfies Option;

export const shmSizeOption = {
  name: 'shm-size',
  value: 'required',
  metavar: 'SIZE',
  repeat: 'refuse',
  form: size,
  group: 'bundle',
  summary: "give the container its own /dev/shm of SIZE (default: the host's; 64M with --isolate)",
} as const satisfies Option;

export const registryOptions = [authfileOption, noVerifyOption] as const;

export const common = [
  {
    name: 'quiet',
    short: 'q',
    value: 'none',
    repeat: 'refuse',
    group: 'information',
    summary: 'print neither progress nor what was done',
  },
  {
    name: 'log',
    value: 'required',
    metavar: 'FORMAT',
    repeat: 'refuse',
    choices: ['text', 'json'],
    default: 'text',
    group: 'information',
    summary: 'format of messages on standard error',
  },
  {
    name: 'completion',
    value: 'required',
    metavar: 'SHELL',
    repeat: 'refuse',
    action: 'plain',
    form: { words: shells.join(', '), pattern: /^(bash|zsh|fish|images)$/ },
    completes: shells,
    group: 'information',
    summary: `print the completion script for SHELL: ${shells.join(', ')}`,
    details:
      'The scripts call ch-image-ts again: with "images" for SHELL, the names of the images in storage are printed, each followed by a NUL.',
  },
  {
    name: 'help',
    short: '?',
    value: 'none',
    repeat: 'refuse',
    action: 'plain',
    group: 'information',
    summary: 'print this help, or details about OPTION or COMMAND',
  },
  versionOption,
] as const satisfies readonly Option[];

export const packOptions = [archOption, jobsOption, levelOption, mostBytesOption, mostEntriesOption] as const;

const all = [
  ...common,
  ...packOptions,
  ...registryOptions,
  usernameOption,
  passwordStdinOption,
  chunkOption,
  verifyKeyOption,
  unpackOption,
  dryRunOption,
  storageOption,
  forceOption,
  bindOption,
  deviceOption,
  isolateOption,
  inPlaceOption,
  shmSizeOption,
  jsonOption,
] as const;
export type ImageOption = (typeof all)[number];
export type ImageValues = Values<ImageOption>;

/** `4G` in bytes. */
export function bytesOf(text: string): number {
  const unit = 'KMGT'.indexOf(text.slice(-1)) + 1;
  return Number.parseInt(text, 10) * 1024 ** unit;
}
