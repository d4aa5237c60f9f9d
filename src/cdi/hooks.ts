/** What vendors' hooks do, so that it can be done without them: they must be run by root. */
import { basename } from '../base/paths.js';
import type { Hook } from './spec.js';

/** What a hook does to the container. Paths are guest paths. */
export type HookWork =
  | { readonly kind: 'links'; readonly links: readonly { readonly target: string; readonly path: string }[] }
  /** Links by the libraries' sonames; with `search`, programs find the libraries there. */
  | { readonly kind: 'libraries'; readonly folders: readonly string[]; readonly search: boolean }
  | { readonly kind: 'chmod'; readonly mode: string; readonly paths: readonly string[] }
  /** Libraries of the image come first if they are newer than the host's driver. */
  | { readonly kind: 'cuda-compat'; readonly directory: string; readonly driver: string }
  /** What is always the case in our containers. */
  | { readonly kind: 'nothing' };

const cudaCompat = '/usr/local/cuda/compat';

/** The arguments of NVIDIA's program, which formerly had another name; undefined for other programs. */
function nvidiaWords({ path, args = [] }: Hook): readonly string[] | undefined {
  const names = [path, args[0] ?? ''].map((each) => basename(each));
  if (!names.some((name) => /^(.*\.)?(nvidia-ctk|nvidia-cdi-hook|cdi-hook)$/.test(name))) return undefined;
  return args[1] === 'hook' ? args.slice(2) : args.slice(1);
}

/** `--NAME=VALUE` and `--NAME VALUE`: values by name, in their order. Arguments of another form are ignored. */
function readOptions(args: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  const add = (name: string, value: string) => values.set(name, [...(values.get(name) ?? []), value]);
  args.forEach((word, at) => {
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const next = args[at + 1];
    if (name === undefined) return;
    if (value !== undefined) add(name, value);
    // a name without a value has none
    else if (next !== undefined && !next.startsWith('-')) add(name, next);
  });
  return values;
}

/** What the hook does, if we know that and can do it ourselves. */
export function interpretHook(hook: Hook): HookWork | undefined {
  const words = nvidiaWords(hook);
  if (words === undefined || hook.hookName !== 'createContainer') return undefined;
  const [command = '', ...args] = words;
  const values = readOptions(args);
  // as in their parser: a comma separates values that could also be given in several options
  const list = (name: string) => (values.get(name) ?? []).flatMap((value) => value.split(','));
  const last = (name: string) => values.get(name)?.at(-1);
  switch (command) {
    case 'create-symlinks':
      return parseLinks(list('link'));
    case 'update-ldcache':
      return { kind: 'libraries', folders: list('folder'), search: true };
    case 'create-soname-symlinks':
      return { kind: 'libraries', folders: list('folder'), search: false };
    case 'chmod':
      return parseMode(last('mode'), list('path'));
    case 'enable-cuda-compat':
    case 'cudacompat':
      return {
        kind: 'cuda-compat',
        directory: last('cuda-compat-container-root') ?? cudaCompat,
        driver: last('host-driver-version') ?? '',
      };
    case 'disable-device-node-modification':
      // it prevents programs from creating device nodes, which is impossible here anyway
      return { kind: 'nothing' };
    default:
      return undefined;
  }
}

/** `TARGET::LINK` each. */
function parseLinks(texts: readonly string[]): HookWork | undefined {
  const links = texts.map((text) => {
    const [target = '', path = '', ...rest] = text.split('::');
    return { target, path, right: target !== '' && path.startsWith('/') && rest.length === 0 };
  });
  if (links.some(({ right }) => !right)) return undefined;
  return { kind: 'links', links: links.map(({ target, path }) => ({ target, path })) };
}

function parseMode(mode: string | undefined, paths: readonly string[]): HookWork | undefined {
  if (mode === undefined || !/^[0-7]{1,4}$/.test(mode)) return undefined;
  return { kind: 'chmod', mode, paths };
}
