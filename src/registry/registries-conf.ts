/** registries.conf (containers-registries.conf(5)): short names, mirrors, and registries that a site has blocked. */
import { LaunchError } from '../base/errors.js';
import { type Content, parseToml } from '../config/toml.js';
import type { Host } from '../host/host.js';
import {
  complete,
  defaultRegistry,
  type FullReference,
  parseReference,
  type Reference,
} from './reference.js';

/** Where an image can be got. */
export interface Endpoint {
  /** As this server knows it. */
  readonly reference: FullReference;
  /** Without TLS, or with certificates of nobody. */
  readonly insecure: boolean;
  readonly isMirror: boolean;
}

interface Place {
  readonly location: string;
  readonly insecure: boolean;
}

interface Rule extends Place {
  /** `HOST[:PORT][/PATH…]`, or `*.DOMAIN`. */
  readonly prefix: string;
  readonly blocked: boolean;
  readonly mirrors: readonly Place[];
  readonly file: string;
}

export interface Registries {
  readonly rules: readonly Rule[];
  /** Where short names are looked for. */
  readonly search: readonly string[];
  /** What short names stand for. */
  readonly aliases: ReadonlyMap<string, string>;
}

/** The user's file takes the place of the site's; those in the directory beside it add to it. */
export function readRegistries(host: Host): Registries {
  const home = host.variable('HOME');
  const own = home ? `${home}/.config/containers` : undefined;
  const named = host.variable('CONTAINERS_REGISTRIES_CONF');
  const main = [
    ...(named ? [named] : []),
    ...(own ? [`${own}/registries.conf`] : []),
    '/etc/containers/registries.conf',
  ];
  const first = main.find((path) => host.pathKind(path) === 'file');
  const more = [...(own ? [own] : []), '/etc/containers']
    .reverse()
    .flatMap((directory) => host.matchingPaths(`${directory}/registries.conf.d/*.conf`));
  const files = [...(first === undefined ? [] : [first]), ...more];
  return files
    .map((file) => readOne(file, host))
    .reduce(merge, { rules: [], search: [], aliases: new Map() });
}

const merge = (one: Registries, two: Registries): Registries => ({
  rules: [
    ...one.rules.filter(({ prefix }) => !two.rules.some((rule) => rule.prefix === prefix)),
    ...two.rules,
  ],
  search: two.search.length ? two.search : one.search,
  aliases: new Map([...one.aliases, ...two.aliases]),
});

const text = (content: Content | undefined) =>
  typeof content?.value === 'string' ? content.value : undefined;

function readOne(file: string, host: Host): Registries {
  const settings = parseToml(host.readFile(file)?.text ?? '', file);
  const at = new Map(settings.map(({ path, content }) => [path.join('\0'), content]));
  const get = (...path: readonly string[]) => at.get(path.join('\0'));
  const count = (...path: readonly string[]) => {
    let number = 0;
    while (at.has([...path, String(number)].join('\0'))) number++;
    return Array.from({ length: number }, (_, index) => [...path, String(index)]);
  };
  const placeAt = (path: readonly string[]) => ({
    location: text(get(...path, 'location')) ?? '',
    insecure: get(...path, 'insecure')?.value === true,
  });
  const search = get('unqualified-search-registries')?.value;
  return {
    rules: count('registry').map((path) => {
      const place = placeAt(path);
      const prefix = text(get(...path, 'prefix')) || place.location;
      if (prefix === '') throw new LaunchError(`${file}: a registry has neither prefix nor location`);
      const mirrors = count(...path, 'mirror').map(placeAt);
      return {
        ...place,
        location: place.location || prefix,
        prefix,
        blocked: get(...path, 'blocked')?.value === true,
        mirrors,
        file,
      };
    }),
    search: Array.isArray(search) ? search.map((each) => text(each) ?? '').filter(Boolean) : [],
    aliases: new Map(
      settings.flatMap(({ path: [table, name], content }) =>
        table === 'aliases' && name !== undefined && text(content)
          ? [[name, text(content) ?? ''] as const]
          : [],
      ),
    ),
  };
}

/** A reference with a registry: a short name's alias, else in the first registry that is searched, else in Docker Hub. */
export function qualify(reference: Reference, { aliases, search }: Registries): FullReference {
  if (reference.registry !== undefined) return complete(reference, reference.registry);
  const alias = aliases.get(reference.repository);
  if (alias === undefined) return complete(reference, search[0] ?? defaultRegistry);
  const { registry, repository } = parseReference(alias);
  return complete({ ...reference, repository }, registry ?? defaultRegistry);
}

const nameOf = ({ registry, repository }: FullReference) => `${registry}/${repository}`;

function matches(name: string, prefix: string): boolean {
  if (prefix.startsWith('*.')) return (name.split(/[/:]/, 1)[0] ?? '').endsWith(prefix.slice(1));
  return name === prefix || name.startsWith(`${prefix}/`) || name.startsWith(`${prefix}:`);
}

/** The same image at another place: what `prefix` matched becomes `location`. */
function moved(reference: FullReference, { prefix }: Rule, { location }: Place): FullReference {
  const name = nameOf(reference);
  const rest = prefix.startsWith('*.') ? name.slice(reference.registry.length) : name.slice(prefix.length);
  const { registry = '', repository } = parseReference(location + rest);
  return { ...reference, registry, repository };
}

/** Where to ask for an image, in order. Throws LaunchError if the site has blocked it. */
export function endpointsOf(reference: FullReference, { rules }: Registries): readonly Endpoint[] {
  const name = nameOf(reference);
  const [rule] = rules
    .filter(({ prefix }) => matches(name, prefix))
    .sort((one, two) => two.prefix.length - one.prefix.length);
  if (rule === undefined) return [{ reference, insecure: false, isMirror: false }];
  if (rule.blocked) throw new LaunchError(`${name} is blocked by ${rule.file}`);
  return [
    ...rule.mirrors.map((mirror) => ({
      reference: moved(reference, rule, mirror),
      insecure: mirror.insecure,
      isMirror: true,
    })),
    { reference: moved(reference, rule, rule), insecure: rule.insecure, isMirror: false },
  ];
}
