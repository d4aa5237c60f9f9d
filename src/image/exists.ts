/** Whether something is at a path, be it a dangling link. */
import { native, type SystemError } from '../host/native.js';

export function exists(path: string): boolean {
  try {
    native.status(path, 'no-follow');
    return true;
  } catch (cause) {
    if ((cause as SystemError).code === 'ENOENT') return false;
    throw cause;
  }
}
