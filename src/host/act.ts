/** Actions that only one of our programs has: they report failures in words for the user. */
import { LaunchError } from '../base/errors.js';
import { native } from './native.js';

function ask(action: string, words: readonly string[]): readonly string[] {
  try {
    return native.ask(action, ...words);
  } catch (cause) {
    if (!/^there is no question /.test((cause as Error).message)) throw cause;
    // Node was started with the script alone: the addon has only what ch-run-ts needs
    throw new LaunchError('the native program ch-image-ts, which packs and transfers, is missing', {
      hint: "in a checkout, build it with 'npm run build'",
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
