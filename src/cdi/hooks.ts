/** What the hooks of vendors do, so that it can be done without them: they are for the root of a machine. */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import type { Hook } from './spec.js';

/** What a hook does to the container. Paths are guest paths. */
export type HookWork =
  | { readonly kind: 'links'; readonly links: readonly { readonly target: string; readonly path: string }[] }
  /** Links by the names that libraries call themselves; with `search`, programs find the libraries there. */
  | { readonly kind: 'libraries'; readonly folders: readonly string[]; readonly search: boolean }
  | { readonly kind: 'chmod'; readonly mode: string; readonly paths: readonly string[] }
  /** Libraries of the image come first if they are newer than the driver of the host. */
  | { readonly kind: 'cuda-compat'; readonly directory: string; readonly driver: string }
  /** What can't be otherwise in a container of ours. */
  | { readonly kind: 'nothing' };

const cudaCompat = '/usr/local/cuda/compat';

/** The arguments of NVIDIA's program, which had another name once; undefined for other programs. */
function nvidiaWords({ path, args = [] }: Hook): readonly string[] | undefined {
  const names = [path, args[0] ?? ''].map((each) => basename(each));
  if (!names.some((name) => /^(.*\.)?(nvidia-ctk|nvidia-cdi-hook|cdi-hook)$/.test(name))) return undefined;
  return args[1] === 'hook' ? args.slice(2) : args.slice(1);
}

const listOptions = { type: 'string', multiple: true } as const;

/** What the hook does, if we know that and can do it ourselves. */
export function interpretHook(hook: Hook): HookWork | undefined {
  const words = nvidiaWords(hook);
  if (words === undefined || hook.hookName !== 'createContainer') return undefined;
  const [command = '', ...args] = words;
  const { values } = parseArgs({
    args,
    strict: false,
    options: {
      folder: listOptions,
      link: listOptions,
      path: listOptions,
      mode: { type: 'string' },
      'host-driver-version': { type: 'string' },
      'cuda-compat-container-root': { type: 'string' },
    },
  });
  // as their parser has it: a comma parts what else would be given twice
  const list = (name: 'folder' | 'link' | 'path') =>
    // a name without a value has true for one
    [values[name] ?? []].flat().flatMap((value) => (typeof value === 'string' ? value.split(',') : []));
  switch (command) {
    case 'create-symlinks':
      return parseLinks(list('link'));
    case 'update-ldcache':
      return { kind: 'libraries', folders: list('folder'), search: true };
    case 'create-soname-symlinks':
      return { kind: 'libraries', folders: list('folder'), search: false };
    case 'chmod':
      return parseMode(values.mode, list('path'));
    case 'enable-cuda-compat':
    case 'cudacompat':
      return {
        kind: 'cuda-compat',
        directory: String(values['cuda-compat-container-root'] ?? cudaCompat),
        driver: String(values['host-driver-version'] ?? ''),
      };
    case 'disable-device-node-modification':
      // it keeps programs from making device nodes, which nobody here can
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

function parseMode(mode: unknown, paths: readonly string[]): HookWork | undefined {
  if (typeof mode !== 'string' || !/^[0-7]{1,4}$/.test(mode)) return undefined;
  return { kind: 'chmod', mode, paths };
}
