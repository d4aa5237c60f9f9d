/** Hooks: programs that run at moments in the life of a container. */
import type { HookCall } from '../../plan/outside-kinds.js';
import type { Config, Hook, HookName } from '../config/config.js';

/** Nothing of the caller's environment gets into the container. */
function toCall({ path, args = [], env, timeout = 0 }: Hook, inside: boolean): HookCall {
  const environment = env ?? (inside ? [] : 'inherit');
  return { path, arguments: args.length > 0 ? args : [path], environment, timeout };
}

export const hooksOf = ({ hooks = {} }: Config, ...names: readonly HookName[]): readonly HookCall[] =>
  names.flatMap((name) => (hooks[name] ?? []).map((hook) => toCall(hook, name === 'startContainer')));
