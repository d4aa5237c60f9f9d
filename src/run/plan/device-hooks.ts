/** Hooks of devices: those that we know become steps of our own. */
import { basename, dirname } from '../../base/paths.js';
import type { Edits } from '../../cdi/edits.js';
import { type HookWork, interpretHook } from '../../cdi/hooks.js';
import { type Library, librariesIn, sonameLinks } from '../../cdi/libraries.js';
import type { Hook } from '../../cdi/spec.js';
import type { Host } from '../../host/host.js';
import type { CreateStep, Link } from '../../plan/launch-plan.js';
import { isHosts } from './binds.js';
import type { DeviceBind } from './device-mounts.js';

interface HooksPlan {
  readonly links: readonly Link[];
  /** Makes libraries available; the image's CUDA libraries come last, because they replace links. */
  readonly libraries: readonly CreateStep[];
  readonly modes: readonly CreateStep[];
  readonly programs: readonly CreateStep[];
  readonly warnings: readonly string[];
}

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
  const libraries = planLibraries(known, binds, host);
  const unknown = works.filter(({ work }) => work === undefined);
  const runs = unknown.filter(({ hook }) => run && isEarly(hook));
  const left = unknown.filter((each) => !runs.includes(each));
  return {
    links: [...linksIn(known).filter(({ path }) => !isHosts(path)), ...libraries.links],
    libraries: [...libraries.steps, ...withoutRepetition(known.filter(isCudaCompat))],
    modes: withoutRepetition(known.flatMap(planModes)),
    programs: withoutRepetition(runs.map(({ hook }) => planProgram(hook))),
    warnings: [...new Set(left.map(({ hook, file }) => warnAbout(hook, file)))],
  };
}

/** The devices of a vendor have hooks in common. */
function withoutRepetition(steps: readonly CreateStep[]): CreateStep[] {
  return [...new Map(steps.map((step) => [JSON.stringify(step), step])).values()];
}

function linksIn(works: readonly HookWork[]): readonly Link[] {
  return works.flatMap((work) => (work.kind === 'links' ? work.links : []));
}

function planLibraries(
  works: readonly HookWork[],
  binds: readonly DeviceBind[],
  host: Host,
): { readonly links: readonly Link[]; readonly steps: readonly CreateStep[] } {
  const wanted = works.flatMap((work) => (work.kind === 'libraries' ? [work] : []));
  const folders = [...new Set(wanted.flatMap((work) => work.folders))].map((folder) => {
    const libraries = librariesIn(folder, binds, host);
    const links = sonameLinks(libraries, host);
    const more = linksIn(works).filter(({ path }) => dirname(path) === folder);
    const search = wanted.some((work) => work.search && work.folders.includes(folder));
    return { folder, links, names: search ? namesOf(libraries, [...links, ...more]) : [] };
  });
  return {
    links: folders.flatMap(({ links }) => links),
    steps: folders
      .filter(({ names }) => names.length > 0)
      .map(({ folder, names }) => ({ kind: 'libraries', folder, names })),
  };
}

/** The names by which programs may look for the libraries in one directory. */
function namesOf(libraries: readonly Library[], links: readonly Link[]): readonly string[] {
  const paths = [...libraries, ...links].map(({ path }) => path);
  return [...new Set(paths.map((path) => basename(path)))];
}

const isCudaCompat = (work: HookWork) => work.kind === 'cuda-compat';

function planModes(work: HookWork): readonly CreateStep[] {
  if (work.kind !== 'chmod') return [];
  const { mode } = work;
  return work.paths.filter((path) => !isHosts(path)).map((path) => ({ kind: 'chmod', mode, path }));
}

/** Only hooks that run before the container is ready: afterwards there is no process left to run them. */
const isEarly = ({ hookName }: Hook) => ['prestart', 'createRuntime', 'createContainer'].includes(hookName);

function planProgram({ path, args = [path], env = [], timeout = 0 }: Hook): CreateStep {
  return { kind: 'hook', path, arguments: args, environment: env, timeout };
}

function warnAbout(hook: Hook, file: string): string {
  const words = [hook.path, ...(hook.args ?? []).slice(1)].join(' ');
  const help = isEarly(hook)
    ? ' (--cdi-run-hooks runs it)'
    : ': ch-run-ts is no longer running at that stage';
  return `the ${hook.hookName} hook '${words}' of ${file} is not run${help}`;
}
