/** ch-image-ts, for parser, help, documents and completion. */
import { ExitStatus } from '../base/errors.js';
import type { Program } from '../cli/program.js';
import { storageVariable } from '../store/storage.js';
import {
  archOption,
  authfileOption,
  bindOption,
  chunkOption,
  common,
  deviceOption,
  dryRunOption,
  forceOption,
  inPlaceOption,
  isolateOption,
  jobsOption,
  jsonOption,
  optionGroups,
  packOptions,
  passwordStdinOption,
  registryOptions,
  shmSizeOption,
  storageOption,
  unpackOption,
  usernameOption,
  verifyKeyOption,
} from './options.js';
import { transports } from './source.js';

/** What import and convert offer. */
const formats = transports.map((transport) => `${transport}:`);

export const program: Program = {
  name: 'ch-image-ts',
  summary: 'get images from registries and files, and make them run',
  description:
    'Get images from registries, turn image files of any format into images that ch-run-ts runs, and keep them in storage. REF is [REGISTRY/]REPOSITORY[:TAG][@DIGEST], as docker and podman have it. IN is an archive of docker save or podman save, an OCI layout or archive of one, a tar archive of a root file system (all of them also compressed with gzip, zstd, xz or bzip2), a SIF or SquashFS file, or a directory; - is standard input. What it is is recognised by its content, or said as in containers-transports(5): docker-archive:FILE[:NAME], oci:DIR[:TAG], oci-archive:FILE[:TAG], tar:FILE, sif:FILE, squashfs:FILE, dir:DIR; convert takes docker://REF, too.',
  notes:
    'Layers are not unpacked: they are read once, merged in memory, and packed into SquashFS. All files belong to root, set-user-ID bits are dropped, devices are left out.',
  groups: optionGroups,
  common,
  commands: [
    {
      name: 'pull',
      summary: 'download an image from a registry into storage, where ch-run-ts finds it by NAME',
      operands: 'REF [NAME]',
      options: [
        ...packOptions,
        ...registryOptions,
        verifyKeyOption,
        storageOption,
        forceOption,
        unpackOption,
        dryRunOption,
      ],
    },
    {
      name: 'tags',
      summary: 'list the tags of a repository in a registry',
      operands: 'REPOSITORY',
      options: [...registryOptions, jsonOption],
    },
    {
      name: 'commit',
      summary:
        'make an image (NAME) from a pulled image (BASE) and the changes of a container that ran it with --overlay=DIR',
      operands: 'DIR BASE NAME',
      options: [...packOptions, storageOption, forceOption, unpackOption],
    },
    {
      name: 'push',
      summary:
        'upload an image to a registry: one in storage (NAME) in the layers it was pulled in, or any that convert reads as a single layer',
      operands: 'NAME REF',
      completes: 'images',
      options: [...packOptions, ...registryOptions, chunkOption, storageOption],
    },
    {
      name: 'login',
      summary: 'verify a name and password with a registry (HOST[:PORT]), and save them, for podman, too',
      operands: 'REGISTRY',
      options: [usernameOption, passwordStdinOption, ...registryOptions],
    },
    {
      name: 'logout',
      summary: 'remove the saved name and password for a registry',
      operands: 'REGISTRY',
      options: [authfileOption],
    },
    {
      name: 'import',
      summary: 'put an image into storage, where ch-run-ts finds it by NAME',
      operands: 'IN [NAME]',
      completes: formats,
      options: [...packOptions, storageOption, forceOption, unpackOption],
    },
    {
      name: 'convert',
      summary:
        'make a SquashFS file (OUT), a directory (OUT/), a SIF (OUT.sif), an archive (OUT.tar, OUT.tar.gz, OUT.tar.zst, - for standard output) or, with a transport, another format of an image',
      operands: 'IN OUT',
      completes: formats,
      options: [...packOptions, ...registryOptions, verifyKeyOption, storageOption, forceOption],
    },
    {
      name: 'bundle',
      summary:
        'make an OCI bundle (DIR) from an image (NAME in storage, or a path), for ch-oci-ts, runc, crun and `srun --container`',
      operands: 'NAME DIR',
      completes: 'images',
      options: [
        ...[bindOption, deviceOption, isolateOption, shmSizeOption, inPlaceOption],
        ...[jobsOption, storageOption],
      ],
    },
    {
      name: 'list',
      summary:
        'list the images in storage: name, kind, size, date, and how many of your containers use it on this machine',
      operands: '',
      options: [storageOption, jsonOption],
    },
    {
      name: 'inspect',
      summary:
        'print the origin and configuration of an image in storage (NAME) or in a registry (docker://REF), as JSON',
      operands: 'NAME',
      completes: 'images',
      options: [archOption, ...registryOptions, storageOption],
    },
    {
      name: 'tag',
      summary: 'add a name to an image in storage',
      operands: 'NAME NEW',
      completes: 'images',
      options: [storageOption, forceOption],
    },
    {
      name: 'remember',
      summary:
        'write into a SquashFS image (NAME in storage, or a path) which parts your commands read, so that their first run is faster for everybody',
      operands: 'NAME',
      completes: 'images',
      options: [storageOption],
    },
    {
      name: 'delete',
      summary: 'delete images in storage; running containers are not affected',
      operands: 'NAME...',
      completes: 'images',
      options: [storageOption],
    },
    {
      name: 'df',
      summary: 'print what uses space in storage, what prune would free, and what is free',
      operands: '',
      options: [storageOption, jsonOption],
    },
    {
      name: 'prune',
      summary: 'delete blobs that no image needs and leftovers of interrupted commands, if older than a day',
      operands: '',
      options: [storageOption],
    },
  ],
  prefix: 'CH_IMAGE_',
  variables: [],
  examples: [
    ['ch-image-ts pull debian:12', 'from a registry'],
    ['podman save debian:12 | ch-image-ts import - debian:12', 'from podman'],
    ['ch-image-ts import image.tar.gz solver', 'from an archive'],
    ['ch-image-ts convert oci:./layout:1.0 solver.sqfs', 'one file'],
  ],
  success: '0 on success',
  exitStatuses: [
    [ExitStatus.failure, 'it failed'],
    [ExitStatus.usage, 'usage error'],
  ],
  sections: [['ENVIRONMENT', [[storageVariable, 'The storage directory, for ch-run-ts, too.']]]],
};
