/** Hooks of devices: those that we know are carried out by ourselves, as steps. */
import { dirname } from 'node:path';
import type { Edits } from '../cdi/edits.js';
import { type HookWork, interpretHook } from '../cdi/hooks.js';
import { type Library, type Link, librariesIn, sonameLinks } from '../cdi/libraries.js';
import type { Hook } from '../cdi/spec.js';
import type { Host } from '../host.js';
import { isHosts } from './binds.js';
import type { DeviceBind } from './device-mounts.js';
import type { Step } from './launch-plan.js';

interface HooksPlan {
  readonly links: readonly Step[];
  readonly modes: readonly Step[];
  readonly programs: readonly Step[];
  readonly warnings: readonly string[];
}

/** Links first, then what is made of them, and the CUDA libraries of the image last: they replace links. */
const order: readonly Step['kind'][] = ['link', 'libraries', 'cuda-compat'];

/** `run`: whether hooks that are unknown to us are run. */
export function planHooks(
  edits: readonly Edits[],
  binds: readonly DeviceBind[],
  run: boolean,
  host: Host,
): HooksPlan {
  const hooks = edits.flatMap(({ hooks = [], file }) => hooks.map((hook) => ({ hook, file })));
  const works = hooks.map(({ hook, file }) => ({ hook, file, work: interpretHook(hook) }));
  const known = works.flatMap(({ work }) => (work === undefined ? [] : [work]));
  const links = [...planLinks(known), ...planLibraries(known, binds, host), ...known.filter(isCudaCompat)];
  const unknown = works.filter(({ work }) => work === undefined);
  const runs = unknown.filter(({ hook }) => run && isEarly(hook));
  const left = unknown.filter((each) => !runs.includes(each));
  return {
    links: withoutRepetition(links).sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind)),
    modes: withoutRepetition(known.flatMap(planModes)),
    programs: withoutRepetition(runs.map(({ hook }) => planProgram(hook))),
    warnings: [...new Set(left.map(({ hook, file }) => warnAbout(hook, file)))],
  };
}

/** The devices of a vendor have hooks in common. */
function withoutRepetition(steps: readonly Step[]): Step[] {
  return [...new Map(steps.map((step) => [JSON.stringify(step), step])).values()];
}

const toStep = ({ target, path }: Link): Step => ({ kind: 'link', target, path });

function planLinks(works: readonly HookWork[]): readonly Step[] {
  return linksIn(works)
    .filter(({ path }) => !isHosts(path))
    .map(toStep);
}

function linksIn(works: readonly HookWork[]): readonly Link[] {
  return works.flatMap((work) => (work.kind === 'links' ? work.links : []));
}

function planLibraries(
  works: readonly HookWork[],
  binds: readonly DeviceBind[],
  host: Host,
): readonly Step[] {
  const wanted = works.flatMap((work) => (work.kind === 'libraries' ? [work] : []));
  const folders = [...new Set(wanted.flatMap((work) => work.folders))].map((folder) => ({
    folder,
    search: wanted.some((work) => work.search && work.folders.includes(folder)),
    libraries: librariesIn(folder, binds, host),
  }));
  return folders.flatMap(({ folder, search, libraries }) => {
    const links = sonameLinks(libraries, host);
    const more = linksIn(works).filter(({ path }) => dirname(path) === folder);
    const names = namesOf(libraries, [...links, ...more]);
    const step: Step = { kind: 'libraries', folder, names };
    return [...links.map(toStep), ...(search && names.length > 0 ? [step] : [])];
  });
}

/** By which names programs may ask for the libraries of one folder. */
function namesOf(libraries: readonly Library[], links: readonly Link[]): readonly string[] {
  const paths = [...libraries, ...links].map(({ path }) => path);
  return [...new Set(paths.map((path) => path.slice(path.lastIndexOf('/') + 1)))];
}

const isCudaCompat = (work: HookWork) => work.kind === 'cuda-compat';

function planModes(work: HookWork): readonly Step[] {
  if (work.kind !== 'chmod') return [];
  const { mode } = work;
  return work.paths.filter((path) => !isHosts(path)).map((path) => ({ kind: 'chmod', mode, path }));
}

/** Of those that are run before the container is ready: afterwards there is nobody left to run any. */
const isEarly = ({ hookName }: Hook) => ['prestart', 'createRuntime', 'createContainer'].includes(hookName);

function planProgram({ path, args = [path], env = [], timeout = 0 }: Hook): Step {
  return { kind: 'hook', path, arguments: args, environment: env, timeout };
}

function warnAbout(hook: Hook, file: string): string {
  const words = [hook.path, ...(hook.args ?? []).slice(1)].join(' ');
  const help = isEarly(hook) ? ' (--cdi-run-hooks runs it)' : ': ch-run-ts is gone when its time comes';
  return `the ${hook.hookName} hook '${words}' of ${file} is not run${help}`;
}
