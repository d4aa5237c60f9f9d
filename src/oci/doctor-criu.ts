/** --doctor: whether containers can be checkpointed: what CRIU says of this kernel. */
import { type Finding, note } from '../doctor/finding.js';
import { native, type SystemError } from '../host/native.js';

const title = 'checkpoints (CRIU)';

/** `criu check` needs root; its errors end with the one that counts. */
export function askCriu(isRoot: boolean): Finding {
  if (!isRoot) return note('criu', title, 'for root of the machine only');
  const refused = (detail: string): Finding => ({
    name: 'criu',
    title,
    needed: false,
    verdict: 'no',
    detail,
    consequence: 'checkpoint and restore fail',
  });
  try {
    const { status, output, errors } = native.run('criu', ['check'], 60_000);
    const said = `${output}${errors}`.trim().split('\n').at(-1);
    if (status !== 0) return refused(said || `criu check ended with status ${status}`);
    const version = native.run('criu', ['--version'], 10_000).output.split('\n')[0] ?? '';
    return { name: 'criu', title, needed: false, verdict: 'yes', detail: version.replace('Version: ', '') };
  } catch (error) {
    const { syscall, reason } = error as Partial<SystemError>;
    if (syscall === undefined) throw error;
    return refused(`criu: ${syscall}: ${reason}`);
  }
}
