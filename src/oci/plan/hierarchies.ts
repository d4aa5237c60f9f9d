/** Where control groups are mounted, cgroups(7), and where those of a container are to be. Pure functions. */
import { LaunchError } from '../../base/errors.js';
import { unescapePath } from '../../base/mountinfo.js';

export interface Hierarchy {
  /** Of version 1: `cpu,cpuacct`, `name=systemd`; empty for version 2. */
  readonly controllers: string;
  readonly mount: string;
  /** The caller's group, below the mount point. */
  readonly own: string;
}

/** What is below the root of the mount, where the group is there. */
function below(group: string, root: string): string {
  if (root === '/') return group;
  return group === root || group.startsWith(`${root}/`) ? group.slice(root.length) || '/' : '/';
}

/** `mounts`: lines of mountinfo without the first two numbers; `groups`: /proc/self/cgroup. */
export function findHierarchies(mounts: string, groups: string): readonly Hierarchy[] {
  const own = new Map(
    groups
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [, controllers = '', ...path] = line.split(':');
        return [controllers, path.join(':')] as const;
      }),
  );
  const found = new Map<string, Hierarchy>();
  for (const line of mounts.split('\n')) {
    const [front = '', back = ''] = line.split(' - ');
    const [, root = '/', mount = ''] = front.split(' ');
    const [type, , options = ''] = back.split(' ');
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    const words = options.split(',');
    const controllers =
      type === 'cgroup2'
        ? ''
        : [...own.keys()].find((key) => key !== '' && key.split(',').every((word) => words.includes(word)));
    const group = controllers === undefined ? undefined : own.get(controllers);
    if (controllers === undefined || group === undefined || found.has(controllers)) continue;
    found.set(controllers, {
      controllers,
      mount: unescapePath(mount),
      own: below(group, unescapePath(root)),
    });
  }
  return [...found.values()];
}

/** The container's group: where the configuration says, below the caller's if that is relative or missing. */
export function groupPath({ own }: Hierarchy, cgroupsPath: string | undefined, id: string): string {
  const wanted = cgroupsPath?.startsWith('/') ? cgroupsPath : `${own}/${cgroupsPath || id}`;
  const parts = wanted.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || parts.includes('..'))
    throw new LaunchError(
      `config.json: linux.cgroupsPath names no control group of its own: '${cgroupsPath}'`,
    );
  return `/${parts.join('/')}`;
}

type Controllers = Pick<Hierarchy, 'controllers'>;

export const hasController = ({ controllers }: Controllers, name: string): boolean =>
  controllers.split(',').includes(name);

/** Version 1 has a controller where it is mounted with it. */
export const versionsOf =
  (hierarchies: readonly Controllers[]) =>
  (controller: string): 1 | 2 =>
    hierarchies.some((each) => hasController(each, controller)) ? 1 : 2;
