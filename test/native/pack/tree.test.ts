/** What becomes of the layers of an image: image-spec's layer.md, in every detail. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { checkout, scratch, skip } from '../../helpers/support.js';
import { makeTar, type TarItem, tarHeader } from '../../helpers/tar.js';

t.setTimeout(300_000);

const file = (name: string, data = name): TarItem => ({ name, data });
const hard = (name: string, link: string): TarItem => ({ name, link, type: '1' });
const soft = (name: string, link: string): TarItem => ({ name, link });
const dir = (name: string, mode = 0o755): TarItem => ({ name: `${name}/`, mode });
const gone = (name: string): TarItem => ({ name, data: '' });

/** Content of a file, target of a link after `->`, or null for a directory. */
type Tree = Readonly<Record<string, string | null>>;

function readTree(root: string, at = ''): Tree {
  const names = readdirSync(join(root, at)).map((name) => join(at, name));
  return Object.fromEntries(
    names.flatMap((name): [string, string | null][] => {
      const path = join(root, name);
      const status = lstatSync(path);
      if (status.isDirectory()) return [[name, null], ...Object.entries(readTree(root, name))];
      return [[name, status.isSymbolicLink() ? `-> ${readlinkSync(path)}` : readFileSync(path, 'utf8')]];
    }),
  );
}

const reason = (() => {
  const { status, stderr } = spawnSync(
    'bash',
    [
      join(checkout, 'test/native/pack/build'),
      join(checkout, 'build/pack-asan'),
      '-O1',
      '-fsanitize=address,undefined',
      '-fno-sanitize-recover',
    ],
    { env: { ...process.env, PARTS: 'pack-run fuzz fuzz-inflate' }, encoding: 'utf8' },
  );
  return status === 0 ? undefined : `the packer can't be built: ${stderr}`;
})();

/** Packs layers, the lowest first. */
function pack(t: Test, layers: readonly Buffer[]) {
  const place = scratch(t);
  const paths = layers.map((layer, at) => {
    const path = join(place, `layer-${at}`);
    writeFileSync(path, layer);
    return path;
  });
  const output = join(place, 'out.sqfs');
  const program = join(checkout, 'build/pack-asan/pack-run');
  return { ...spawnSync(program, [output, ...paths], { encoding: 'utf8' }), place, output };
}

function unpacked(t: Test, layers: readonly Buffer[]): { readonly root: string; readonly stdout: string } {
  const { place, output, status, stdout, stderr } = pack(t, layers);
  t.equal(status, 0, stderr);
  const root = join(place, 'root');
  execFileSync('unsquashfs', ['-q', '-n', '-no-xattrs', '-d', root, output], { stdio: 'ignore' });
  return { root, stdout };
}

const rows: readonly [string, readonly (readonly TarItem[])[], Tree][] = [
  ['one layer', [[dir('a'), file('a/b', 'x'), soft('c', 'a/b')]], { a: null, 'a/b': 'x', c: '-> a/b' }],
  ['directories that no entry describes', [[file('a/b/c', 'x')]], { a: null, 'a/b': null, 'a/b/c': 'x' }],
  ['an entry for the root', [[dir('.'), file('./a', 'x')]], { a: 'x' }],
  ['absolute names', [[file('/a/b', 'x')]], { a: null, 'a/b': 'x' }],
  [
    'names with and without a slash or a dot before them, as in Distroless',
    [[dir('.'), dir('/a'), file('./a/b', 'x'), file('a/c', 'y'), hard('/a/d', '/a/b')]],
    { a: null, 'a/b': 'x', 'a/c': 'y', 'a/d': 'x' },
  ],
  ['a root entry with a slash, as in kaniko', [[file('a')], [dir(''), file('b')]], { a: 'a', b: 'b' }],
  ['a directory twice in a layer', [[dir('a'), file('a/b', 'x'), dir('a')]], { a: null, 'a/b': 'x' }],
  ['a hard link to itself, as GNU tar writes it', [[file('a', 'x'), hard('a', 'a')]], { a: 'x' }],
  ['a file of a higher layer', [[file('a', 'low')], [file('a', 'high')]], { a: 'high' }],
  ['the same layer twice', [[file('a')], [file('a')]], { a: 'a' }],
  ['a whiteout', [[file('d/a'), file('d/b')], [gone('d/.wh.a')]], { d: null, 'd/b': 'd/b' }],
  ['a whiteout of a directory', [[file('d/a'), file('e')], [gone('.wh.d')]], { e: 'e' }],
  [
    'a whiteout before what the same layer has',
    [[file('a', 'low')], [gone('.wh.a'), file('a', 'high')]],
    { a: 'high' },
  ],
  [
    'a whiteout after what the same layer has',
    [[file('a', 'low')], [file('a', 'high'), gone('.wh.a')]],
    { a: 'high' },
  ],
  [
    'a whiteout of a directory that the same layer has again',
    [[file('d/low')], [file('d/high'), gone('.wh.d')]],
    { d: null, 'd/high': 'd/high' },
  ],
  [
    'a whiteout, and the file again above it',
    [[file('a', '1')], [gone('.wh.a')], [file('a', '3')]],
    { a: '3' },
  ],
  ['a whiteout of what is not there', [[file('a')], [gone('x/y/.wh.z')]], { a: 'a' }],
  [
    'an opaque directory, marked at the end',
    [
      [file('d/low'), file('d/e/low')],
      [dir('d'), file('d/high'), gone('d/.wh..wh..opq')],
    ],
    { d: null, 'd/high': 'd/high' },
  ],
  ['an opaque root', [[file('a')], [gone('.wh..wh..opq'), file('b')]], { b: 'b' }],
  ['files of AUFS itself', [[file('a'), gone('.wh..wh.aufs'), gone('.wh..wh.plnk/x')]], { a: 'a' }],
  ['a file in place of a directory', [[file('a/b')], [file('a', 'x')]], { a: 'x' }],
  ['a directory in place of a file', [[file('a')], [file('a/b', 'x'), dir('a')]], { a: null, 'a/b': 'x' }],
  [
    'a file between two directories: what was below the lower is gone',
    [[file('a/low')], [file('a')], [dir('a'), file('a/high')]],
    { a: null, 'a/high': 'a/high' },
  ],
  [
    'a directory in place of a link',
    [
      [file('x/f'), soft('a', 'x')],
      [dir('a'), file('a/b')],
    ],
    { x: null, 'x/f': 'x/f', a: null, 'a/b': 'a/b' },
  ],
  ['a link in place of a directory', [[file('a/b'), dir('x')], [soft('a', 'x')]], { a: '-> x', x: null }],
  [
    'a file below a link of a lower layer',
    [[soft('lib', 'usr/lib'), file('usr/lib/a')], [file('lib/b', 'new')]],
    { lib: '-> usr/lib', usr: null, 'usr/lib': null, 'usr/lib/a': 'usr/lib/a', 'usr/lib/b': 'new' },
  ],
  [
    'a file below a link of the same layer',
    [[soft('lib', '/usr/lib'), file('lib/b', 'new'), file('usr/lib/c')]],
    { lib: '-> /usr/lib', usr: null, 'usr/lib': null, 'usr/lib/b': 'new', 'usr/lib/c': 'usr/lib/c' },
  ],
  [
    'a whiteout below a link of a lower layer',
    [[soft('lib', 'usr/lib'), file('usr/lib/a'), file('usr/lib/b')], [gone('lib/.wh.a')]],
    { lib: '-> usr/lib', usr: null, 'usr/lib': null, 'usr/lib/b': 'usr/lib/b' },
  ],
  [
    'a file below a link that replaces the target’s file',
    [[soft('lib', 'usr/lib'), file('usr/lib/a', 'old')], [file('lib/a', 'new')]],
    { lib: '-> usr/lib', usr: null, 'usr/lib': null, 'usr/lib/a': 'new' },
  ],
  ['a link that leads out', [[soft('a', '../../../../out')]], { a: '-> ../../../../out' }],
  ['hard links in a layer', [[file('a', 'x'), hard('b', 'a'), hard('c', '/b')]], { a: 'x', b: 'x', c: 'x' }],
  ['a hard link to a lower layer', [[file('a', 'x')], [hard('b', 'a')]], { a: 'x', b: 'x' }],
  [
    'a hard link whose target is replaced',
    [[file('a', 'old'), hard('b', 'a')], [file('a', 'new')]],
    { a: 'new', b: 'old' },
  ],
  ['a hard link whose target is deleted', [[file('a', 'x'), hard('b', 'a')], [gone('.wh.a')]], { b: 'x' }],
  [
    'a chain of them',
    [
      [file('a', 'x'), hard('b', 'a'), hard('c', 'b')],
      [gone('.wh.a'), gone('.wh.b')],
    ],
    { c: 'x' },
  ],
  [
    'two links to a hidden one',
    [
      [file('a', 'x'), hard('b', 'a'), hard('c', 'b'), hard('d', 'b')],
      [gone('.wh.a'), gone('.wh.b')],
    ],
    { c: 'x', d: 'x' },
  ],
  [
    'two hard links to a lower layer',
    [[file('a', 'x')], [hard('b', 'a'), hard('c', 'a'), gone('.wh.a')]],
    { b: 'x', c: 'x' },
  ],
  [
    'a hard link to a lower layer that the same layer replaces',
    [[file('a', 'old')], [hard('b', 'a'), file('a', 'new')]],
    { a: 'new', b: 'old' },
  ],
  [
    'a hard link to a lower layer whose own target goes',
    [
      [file('a', 'x'), hard('b', 'a')],
      [gone('.wh.a'), gone('.wh.b'), hard('c', 'b')],
    ],
    { c: 'x' },
  ],
  ['a hard link before its target', [[hard('b', 'a'), file('a', 'x')]], { a: 'x', b: 'x' }],
  ['devices are left out', [[{ name: 'null', type: '3' }, file('a')]], { a: 'a' }],
  [
    'a long name of pax',
    [[{ name: 'x', data: 'x', pax: { path: `d/${'n'.repeat(200)}` } }]],
    { d: null, [`d/${'n'.repeat(200)}`]: 'x' },
  ],
  [
    'a long name of GNU',
    [[{ name: 'L', type: 'L', data: `d/${'n'.repeat(200)}\0` }, file('x')]],
    { d: null, [`d/${'n'.repeat(200)}`]: 'x' },
  ],
  [
    'a sparse file of pax',
    [
      [
        {
          name: 'GNUSparseFile.0/s',
          data: `1\n3\n2\n${'\0'.repeat(506)}ab`,
          pax: {
            'GNU.sparse.major': '1',
            'GNU.sparse.minor': '0',
            'GNU.sparse.name': 's',
            'GNU.sparse.realsize': '7',
          },
        },
      ],
    ],
    { s: '\0\0\0ab\0\0' },
  ],
];

for (const [what, layers, tree] of rows) {
  t.test(what, (t) => {
    if (reason) return skip(t, reason);
    const { root } = unpacked(t, layers.map(makeTar));
    t.same(readTree(root), tree);
    t.end();
  });
}

t.test('modes and times stay, set-user-ID bits go and are counted', (t) => {
  if (reason) return skip(t, reason);
  const items: readonly TarItem[] = [
    { name: 'su', data: 'x', mode: 0o4755, mtime: 1 },
    { name: 'secret', data: 'x', mode: 0o600, mtime: 2_000_000_000 },
    { name: 'tmp/', mode: 0o1777, mtime: 3 },
  ];
  const { root, stdout } = unpacked(t, [makeTar(items)]);
  t.match(stdout, ' 1 set-id,');
  const found = ['su', 'secret', 'tmp'].map((name) => {
    const { mode, mtimeMs } = lstatSync(join(root, name));
    return [(mode & 0o7777).toString(8), mtimeMs / 1000];
  });
  t.same(found, [
    ['755', 1],
    ['600', 2_000_000_000],
    ['1777', 3],
  ]);
  t.end();
});

t.test('attributes of users stay, others go and are counted', (t) => {
  if (reason) return skip(t, reason);
  const pax = {
    'SCHILY.xattr.user.note': 'one\ntwo',
    'SCHILY.xattr.security.capability': 'x',
    'SCHILY.xattr.trusted.y': 'z',
  };
  const { output, stdout } = pack(t, [makeTar([{ name: 'f', data: 'x', pax }, file('g')])]);
  t.match(stdout, ' 2 xattrs left out');
  const listed = spawnSync('unsquashfs', ['-s', output], { encoding: 'utf8' }).stdout;
  t.match(listed, /Number of xattr ids 1/);
  t.end();
});

t.test('names are bytes', (t) => {
  if (reason) return skip(t, reason);
  const { root } = unpacked(t, [makeTar([{ name: Buffer.from('a\xff\nb', 'latin1'), data: 'x' }])]);
  t.same(
    readdirSync(root, { encoding: 'buffer' }).map((name) => name.toString('latin1')),
    ['a\xff\nb'],
  );
  t.end();
});

t.test('large, small, equal and empty files, and many of them', (t) => {
  if (reason) return skip(t, reason);
  const large = Buffer.alloc(700_001, 'all work and no play. ');
  const items = [
    { name: 'empty', data: '' },
    { name: 'holes', data: Buffer.concat([Buffer.alloc(600_000), Buffer.from('end')]) },
    { name: 'large', data: large },
    { name: 'equal', data: large },
    ...Array.from({ length: 3000 }, (_, at) => ({ name: `d/${at}`, data: `${at % 7} and `.repeat(at % 50) })),
  ];
  const { root } = unpacked(t, [makeTar(items)]);
  const wrong = items.filter(
    ({ name, data }) => !readFileSync(join(root, name)).equals(Buffer.from(data as string)),
  );
  t.same(
    wrong.map(({ name }) => name),
    [],
  );
  t.end();
});

t.test('the same input makes the same bytes', (t) => {
  if (reason) return skip(t, reason);
  const layers = [makeTar(Array.from({ length: 400 }, (_, at) => file(`d/${at}`, String(at).repeat(9000))))];
  const [one, other] = [pack(t, layers), pack(t, layers)].map(({ output }) => readFileSync(output));
  t.ok(other && one?.equals(other));
  t.end();
});

const changed = (bytes: Buffer, at: number, value: number) => {
  bytes[at] = value;
  return bytes;
};

/** Layers that are refused, and by which words. */
const refused: readonly [string, readonly Buffer[], RegExp][] = [
  [
    'a name that leads upwards',
    [makeTar([file('a/../../etc/x')])],
    /layer-0: a\/\.\.\/\.\.\/etc\/x: a name that leads upwards/,
  ],
  [
    'a hard link that leads upwards',
    [makeTar([hard('a', '../etc/passwd')])],
    /layer-0: a: a name that leads upwards/,
  ],
  [
    'a hard link to nothing',
    [makeTar([hard('a', 'etc/passwd')])],
    /layer-0: a: a hard link to \/etc\/passwd, which is not there/,
  ],
  [
    'a file twice, under two ways to write its name',
    [makeTar([file('a/b', '1'), file('/a/./b', '2')])],
    /layer-0: \/a\/\.\/b: the layer has that name twice/,
  ],
  [
    'a file twice, where a higher layer hides it',
    [makeTar([file('a', '1'), file('a', '2')]), makeTar([file('a', '3')])],
    /layer-0: a: the layer has that name twice/,
  ],
  [
    'a directory and a link of one name',
    [makeTar([dir('a'), soft('a', '/etc')])],
    /layer-0: a: the layer has that name twice/,
  ],
  [
    'a link and a directory of one name',
    [makeTar([soft('a', '/etc'), dir('a')])],
    /layer-0: a\/: the layer has that name twice/,
  ],
  [
    'a device and a file of one name',
    [makeTar([{ name: 'a', type: '3' }, file('a')])],
    /layer-0: a: the layer has that name twice/,
  ],
  [
    'a file after what is below it',
    [makeTar([file('a/b'), soft('a', '/etc')])],
    /layer-0: a: not a directory, and the same layer has something below it/,
  ],
  [
    'a file below a link that leads out',
    [makeTar([soft('a', '../../../../out'), file('a/b', 'x')])],
    /layer-0: \/a: something lies below this symbolic link, which leads out of the image/,
  ],
  [
    'a file below a link of a lower layer that leads out',
    [makeTar([soft('d/a', '../../out'), dir('e')]), makeTar([file('d/a/b', 'x')])],
    /layer-1: \/d\/a: something lies below this symbolic link, which leads out of the image/,
  ],
  ['hard links in a circle', [makeTar([hard('a', 'b'), hard('b', 'a')])], /a hard link|hard links/],
  ['a hard link to a directory', [makeTar([dir('d'), hard('a', 'd')])], /a: a hard link to a directory/],
  [
    'a hard link to a file that a layer between deletes',
    [makeTar([file('a')]), makeTar([gone('.wh.a')]), makeTar([hard('b', 'a')])],
    /b: a hard link to \/a/,
  ],
  [
    'links in a circle',
    [makeTar([soft('a', 'b'), soft('b', 'a'), file('a/x')])],
    /symbolic links that lead to each other/,
  ],
  ['a file below a file', [makeTar([file('a'), file('a/b')])], /a\/b: it is below a file/],
  ['a root that is a link', [makeTar([soft('.', '/etc')])], /the root is not a directory/],
  ['an empty name', [makeTar([file('', 'x')])], /an empty name/],
  ['a whiteout of nothing', [makeTar([gone('.wh.')])], /a whiteout of nothing/],
  [
    'a name that is too long',
    [makeTar([{ name: 'x', pax: { path: 'n'.repeat(300) } }])],
    /a file name of 300 bytes/,
  ],
  [
    'a path that is too long',
    [makeTar([{ name: 'x', pax: { path: 'n/'.repeat(3000) } }])],
    /a name of 6000 bytes/,
  ],
  ['a wrong checksum', [changed(makeTar([file('a')]), 0, 98)], /its checksum is wrong/],
  ['an archive without its end', [makeTar([file('a')]).subarray(0, 1024)], /its end mark is missing/],
  [
    'content that is cut short',
    [makeTar([file('a', 'x'.repeat(2000))]).subarray(0, 1024)],
    /a: the archive is cut short/,
  ],
  [
    'a size beyond all bounds',
    [tarHeader({ name: 'a', size: 0o77777777777 })],
    /a: the archive is cut short/,
  ],
  [
    'an entry of an unknown type',
    [makeTar([{ name: 'a', type: 'Z' }])],
    /a: an entry of the unknown type 'Z'/,
  ],
  [
    'a sparse map that does not fit',
    [makeTar([{ name: 's', data: 'ab', pax: { 'GNU.sparse.map': '0,9', 'GNU.sparse.size': '7' } }])],
    /the map of a sparse file/,
  ],
  [
    'a header for all entries that names them',
    [makeTar([{ name: 'g', type: 'g', data: '13 path=all\n' }, file('a')])],
    /header/,
  ],
  ['gzip that is cut short', [Buffer.from('1f8b08000000000000034b', 'hex')], /gzip data are cut short/],
  [
    'gzip that is damaged',
    [Buffer.from('1f8b0800000000000003ffffffffffffffff', 'hex')],
    /gzip data are damaged/,
  ],
];

for (const [what, layers, words] of refused) {
  t.test(`${what} is refused by layer and entry`, (t) => {
    if (reason) return skip(t, reason);
    const { status, stderr, place } = pack(t, layers);
    t.equal(status, 1, stderr);
    t.match(stderr, words);
    t.notOk(existsSync(join(place, 'root')));
    t.end();
  });
}

t.test(
  'archives that are changed at random crash and hang nothing, and sound ones become what unpacking would leave',
  (t) => {
    if (reason) return skip(t, reason);
    const { status, signal, stdout, stderr } = spawnSync(
      join(checkout, 'build/pack-asan/fuzz'),
      [process.env.CH_RUN_TS_FUZZ ?? '3000', '1'],
      { encoding: 'utf8', env: { ASAN_OPTIONS: 'hard_rss_limit_mb=1024:allocator_may_return_null=1' } },
    );
    t.same([status, signal], [0, null], `${stdout} ${stderr}`);
    t.end();
  },
);

t.test('what zlib compresses is read as it was, and what it refuses is refused', (t) => {
  if (reason) return skip(t, reason);
  const words = [process.env.CH_RUN_TS_FUZZ ?? '40', '1'];
  const program = join(checkout, 'build/pack-asan/fuzz-inflate');
  const { status, signal, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  t.same([status, signal], [0, null], `${stdout} ${stderr}`);
  t.end();
});
