/** Actions that only one of our programs has: they report failures in words for the user. */
import { LaunchError } from '../base/errors.js';
import { native } from './native.js';

function ask(action: string, words: readonly string[]): readonly string[] {
  try {
    return native.ask(action, ...words);
  } catch (cause) {
    if (!/^there is no question /.test((cause as Error).message)) throw cause;
    // Node runs the TypeScript: the addon has only what ch-run-ts needs
    throw new LaunchError('this ch-image-ts was built without the built-in engine, which has the packer', {
      hint: 'build it where the source of QuickJS can be had (CH_RUN_QUICKJS_SOURCE can name it)',
    });
  }
}

/** Throws LaunchError with what the action says. */
export function act(action: string, ...words: readonly string[]): readonly string[] {
  const [outcome, ...found] = ask(action, words);
  if (outcome === 'done') return found;
  const [message = '', hint] = found;
  throw new LaunchError(message, hint ? { hint } : {});
}
