/** `restore`: makes a container of a checkpoint, by CRIU. */
import { LaunchError } from '../base/errors.js';
import { native, type SystemError } from '../host/native.js';
import type { LaunchPlan } from '../plan/launch-plan.js';
import { imagesOf, requireRootForCriu, workOf } from './checkpoint.js';
import { parseJson } from './config/read.js';
import { toRequest } from './create.js';
import type { Invocation } from './main.js';
import { makeRestorePlan } from './plan/restore.js';

/** Where the standard streams led when it was saved. */
function readStreams(images: string): readonly unknown[] {
  const path = `${images}/descriptors.json`;
  let text: string;
  try {
    ({ text } = native.content(path));
  } catch (cause) {
    throw new LaunchError(
      `${images} is not a checkpoint: can't read ${path}: ${(cause as SystemError).message}`,
    );
  }
  const value = parseJson(text, path);
  // runc writes null where there are none
  return Array.isArray(value) ? value : [];
}

export function restore(invocation: Invocation): LaunchPlan {
  const { values, operands, host } = invocation;
  const create = toRequest(invocation, values.detach ? 'detached' : 'foreground');
  requireRootForCriu(`restore container ${operands[0]}`, host);
  const images = imagesOf(values, host);
  const streams = readStreams(images);
  return makeRestorePlan({ create, values, images, work: workOf(values, host), streams }, host);
}
