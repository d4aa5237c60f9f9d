/** --doctor: whether containers can be checkpointed: what CRIU says of this kernel. */
import { askProgram } from '../doctor/ask-program.js';
import { type Finding, note } from '../doctor/finding.js';
import { native } from '../host/native.js';

const about = { name: 'criu', title: 'checkpoints (CRIU)' } as const;

/** `criu check` needs root; its errors end with the one that counts. */
export function askCriu(isRoot: boolean): Finding {
  if (!isRoot) return note(about.name, about.title, 'for root of the machine only');
  return askProgram({
    ...about,
    consequence: 'checkpoint and restore fail',
    program: 'criu',
    words: ['check'],
    time: 60_000,
    refusalIn: ({ status, output, errors }) =>
      `${output}${errors}`.trim().split('\n').at(-1) || `criu check ended with status ${status}`,
    detailIn: () =>
      (native.run('criu', ['--version'], 10_000).output.split('\n')[0] ?? '').replace('Version: ', ''),
  });
}
