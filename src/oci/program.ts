/** ch-oci-ts, for parser, help, documents and completion. */
import type { Command, Program } from '../cli/program.js';
import { checkpointOptions, restoreOptions } from './checkpoint-options.js';
import {
  commonOptions,
  creationOptions,
  deleteOptions,
  detach,
  eventOptions,
  execOptions,
  format,
  keep,
  killOptions,
  listOptions,
  noSubreaper,
  optionGroups,
  specOptions,
} from './options.js';
import { updateOptions } from './update-options.js';

const commands: readonly Command[] = [
  {
    name: 'create',
    summary: 'create a container, which waits for `start`',
    operands: 'ID',
    options: [...creationOptions, noSubreaper],
  },
  { name: 'start', summary: 'run the command of a created container', operands: 'ID', options: [] },
  {
    name: 'run',
    summary: 'create a container, run its command, and delete it',
    operands: 'ID',
    options: [...creationOptions, noSubreaper, detach, keep],
  },
  { name: 'state', summary: 'print the state of a container, in JSON', operands: 'ID', options: [] },
  { name: 'kill', summary: 'send a signal to a container', operands: 'ID [SIGNAL]', options: killOptions },
  { name: 'delete', summary: 'delete a container', operands: 'ID', options: deleteOptions },
  {
    name: 'exec',
    summary: 'run another process in a container',
    operands: 'ID [COMMAND [ARG...]]',
    startsCommand: true,
    options: [...execOptions, noSubreaper, detach],
  },
  { name: 'pause', summary: 'stop all processes of a container', operands: 'ID', options: [] },
  { name: 'resume', summary: 'resume the processes of a paused container', operands: 'ID', options: [] },
  {
    name: 'update',
    summary: 'change the limits of a container',
    operands: 'ID',
    options: updateOptions,
  },
  {
    name: 'events',
    summary: 'print resource usage and out-of-memory events, in JSON',
    operands: 'ID',
    options: eventOptions,
  },
  {
    name: 'ps',
    summary: 'list the processes of a container',
    operands: 'ID [PS-OPTION...]',
    startsCommand: true,
    options: [format],
  },
  { name: 'list', summary: 'list the containers', operands: '', options: listOptions },
  {
    name: 'checkpoint',
    summary: 'save the state of a running container in files, by CRIU',
    operands: 'ID',
    options: checkpointOptions,
  },
  {
    name: 'restore',
    summary: 'restore a container from a checkpoint',
    operands: 'ID',
    options: restoreOptions,
  },
  { name: 'spec', summary: 'write an example of config.json', operands: '', options: specOptions },
  { name: 'features', summary: 'print what is supported, in JSON', operands: '', options: [] },
];

export const program: Program = {
  name: 'ch-oci-ts',
  summary: 'run containers for podman, containerd and Slurm',
  description:
    'An OCI runtime: make and run the container that config.json in a bundle describes, without any privilege.',
  groups: optionGroups,
  common: commonOptions,
  commands,
  prefix: 'CH_OCI_',
  oneDash: true,
  variables: [],
  examples: [
    ['podman --runtime $(which ch-oci-ts) run alpine true', 'under podman'],
    ['ch-oci-ts spec --rootless', 'an example of config.json'],
    ['ch-oci-ts run --bundle ./bundle job', 'run it'],
  ],
  success: '0, or that of the command',
  exitStatuses: [
    [1, 'ch-oci-ts failed'],
    [126, 'the command could not be started'],
    [127, 'there is no such command'],
  ],
  sections: [],
};
