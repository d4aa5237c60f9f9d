/** Many files of one host folder become one bind and links. */
import fc from 'fast-check';
import t from 'tap';
import type { ResolvedBind } from '../../../../src/run/plan/binds.js';
import { type MergedBinds, mergeBinds } from '../../../../src/run/plan/merge-binds.js';
import { lines, machine, planOf } from './plain-plan.js';

const bind = (source: string, destination = source, ...flags: ResolvedBind['flags']): ResolvedBind => ({
  source,
  destination,
  flags,
});
const files = (folder: string, count: number, to = '/opt', ...flags: ResolvedBind['flags']) =>
  Array.from({ length: count }, (_, at) => bind(`${folder}/${at}`, `${to}/${at}`, ...flags));

/** As words: binds, and links. */
function show({ binds, links }: MergedBinds) {
  return {
    binds: binds.map(({ source, destination, flags }) => [source, destination, ...flags].join(' ')),
    links: links.map(({ target, path }) => `${target} ${path}`),
  };
}
const merge = (binds: readonly ResolvedBind[], isPlain = (_: string) => true) =>
  show(mergeBinds(binds, isPlain));
const same = (binds: readonly ResolvedBind[]) => show({ binds, links: [] });

t.test('four files of a folder become one bind and four links', (t) => {
  t.same(merge([bind('/x', '/y'), ...files('/lib', 4, '/opt', 'ro', 'create', 'noexec')]), {
    binds: ['/lib /.ch-run-ts/0 ro noexec', '/x /y'],
    links: [0, 1, 2, 3].map((at) => `/.ch-run-ts/0/${at} /opt/${at}`),
  });
  t.end();
});

t.test('each folder, and each kind of restriction, has a bind of its own', (t) => {
  const merged = merge([...files('/a', 4), ...files('/b', 5, '/o/b'), ...files('/a', 4, '/o/ro', 'ro')]);
  t.same(merged.binds, ['/a /.ch-run-ts/0', '/b /.ch-run-ts/1', '/a /.ch-run-ts/2 ro']);
  t.equal(merged.links.length, 13);
  t.end();
});

const unmerged: readonly [string, readonly ResolvedBind[]][] = [
  ['three files', files('/lib', 3)],
  ['files of the root directory', files('', 5)],
  ['optional ones', files('/lib', 5, '/opt', 'optional')],
  ['what goes into another bind', [bind('/d', '/opt'), ...files('/lib', 4)]],
  ['what a later bind covers', [...files('/lib', 4), bind('/d', '/opt')]],
  ['what goes there by a usual link', [bind('/d', '/usr/lib64'), ...files('/lib', 4, '/lib64')]],
  ['what goes to a place of the host', [...files('/d', 4, '/dev'), ...files('/e', 4, '/var/spool/slurmd')]],
  [
    'what is written afresh',
    ['passwd', 'group', 'hosts', 'resolv.conf'].map((at) => bind(`/lib/${at}`, `/etc/${at}`)),
  ],
  ['files at one place', [1, 2, 3, 4].map((at) => bind(`/lib/${at}`, '/opt/x'))],
];
for (const [what, binds] of unmerged) {
  t.test(`${what} are bound one by one`, (t) => {
    t.same(merge(binds), same(binds));
    t.end();
  });
}

t.test('directories, and links of the host, are bound one by one', (t) => {
  const binds = files('/lib', 6);
  t.same(
    merge(binds, (path) => Number(path.at(-1)) > 2),
    same(binds),
    'too few are left',
  );
  const { binds: left, links } = merge(binds, (path) => path !== '/lib/0');
  t.same([left, links.length], [['/lib /.ch-run-ts/0', '/lib/0 /opt/0'], 5]);
  const asked: string[] = [];
  merge(files('/lib', 3), (path) => asked.push(path) > 0);
  t.same(asked, [], 'nothing is asked where nothing can be merged');
  t.end();
});

/** The host path that a guest path leads to: the last bind around it counts, and links are below all binds. */
function resolve({ binds, links }: MergedBinds, path: string): string {
  const around = binds.findLast(
    ({ destination }) => path === destination || path.startsWith(`${destination}/`),
  );
  if (around) return around.source + path.slice(around.destination.length);
  const link = links.findLast((each) => each.path === path);
  return link ? resolve({ binds, links }, link.target) : path;
}

t.test('whatever is merged, each guest path leads to the same host file', (t) => {
  const name = fc.constantFrom(...'abcdefghijklmnopqrst');
  const path = (top: fc.Arbitrary<string>) => fc.tuple(top, name).map((parts) => `/${parts.join('/')}`);
  const any: fc.Arbitrary<ResolvedBind> = fc.record({
    source: path(fc.constantFrom('h/x', 'h/y')),
    destination: fc.oneof({ weight: 40, arbitrary: path(fc.constantFrom('g', 'g/a')) }, fc.constant('/g')),
    flags: fc.oneof(
      { weight: 9, arbitrary: fc.constant([]) },
      fc.constant(['ro' as const]),
      fc.constant(['optional' as const]),
    ),
  });
  let merged = 0;
  fc.assert(
    fc.property(fc.array(any, { minLength: 4, maxLength: 16 }), (binds) => {
      const result = mergeBinds(binds, () => true);
      merged += result.links.length;
      return binds.every(
        ({ destination }) => resolve(result, destination) === resolve({ binds, links: [] }, destination),
      );
    }),
    { numRuns: 2000 },
  );
  t.ok(merged > 100, 'some were merged');
  t.end();
});

t.test('binds are merged only where links vanish with the container', (t) => {
  const paths = Object.fromEntries([0, 1, 2, 3].map((at) => [`/lib/d/${at}`, 'file' as const]));
  const on = { ...machine, paths: { ...machine.paths, ...paths } };
  const words = [0, 1, 2, 3].flatMap((at) => ['-b', `/lib/d/${at}:/opt/${at}`]);
  const links = (...more: string[]) =>
    lines(planOf([...more, ...words, '/img'], on)).filter((line) => line.startsWith('links'));
  const step = `links /opt ${[0, 1, 2, 3].map((at) => `/.ch-run-ts/0/${at} ${at}`).join(' ')}`;
  t.same([links('-W'), links('--home')], [[step], [step]]);
  for (const option of ['-w', '--overlay=/o', '-q']) t.same(links(option), [], option);
  t.end();
});
