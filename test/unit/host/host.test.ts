import { chmodSync, mkdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { LaunchError } from '../../../src/base/errors.js';
import { RealHost } from '../../../src/host/host.js';
import { toBuffer } from '../../helpers/bytes.js';
import { isRoot, ordinaryUser, scratch } from '../../helpers/support.js';

const self = { ...ordinaryUser, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };

t.test('what lies at a path is told, through links', async (t) => {
  const place = scratch(t, self);
  mkdirSync(join(place, 'directory'));
  writeFileSync(join(place, 'file'), '');
  symlinkSync('directory', join(place, 'link'));
  symlinkSync('nowhere', join(place, 'broken'));
  const server = createServer().listen(join(place, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  const host = new RealHost();
  const kinds = {
    directory: 'directory',
    file: 'file',
    link: 'directory',
    broken: 'absent',
    socket: 'other',
    none: 'absent',
    'file/x': 'absent',
  };
  for (const [name, kind] of Object.entries(kinds)) t.equal(host.pathKind(join(place, name)), kind, name);
  server.close();
  t.same(
    host.facts(),
    Object.entries(kinds).map(([name, found]) => ({ kind: 'path', path: join(place, name), found })),
    'each answer is a fact',
  );
});

t.test('a question that was asked twice is one fact', (t) => {
  const host = new RealHost();
  host.pathKind('/');
  host.pathKind('/');
  host.user();
  host.user();
  t.same(host.facts(), [
    { kind: 'path', path: '/', found: 'directory' },
    { kind: 'user', uid: self.uid, gid: self.gid },
  ]);
  t.end();
});

t.test('names that are not UTF-8 are found', (t) => {
  const place = scratch(t, self);
  const name = `${place}/caf\udce9`;
  writeFileSync(toBuffer(name), 'content');
  const host = new RealHost();
  t.equal(host.pathKind(name), 'file');
  t.equal(Buffer.from(host.readHead(name, 4)).toString(), 'cont');
  t.end();
});

t.test('the beginning of a file makes its identity a fact', (t) => {
  const file = join(scratch(t, self), 'file');
  writeFileSync(file, 'abc');
  const host = new RealHost();
  t.equal(Buffer.from(host.readHead(file, 100)).toString(), 'abc');
  t.match(host.facts(), [
    {
      kind: 'file',
      path: file,
      size: '3',
      inode: /^\d+$/,
      device: /^\d+$/,
      modified: /^\d{19}$/,
      changed: /^\d{19}$/,
    },
  ]);
  t.end();
});

t.test('what can not be found out is an error with path, call and code', (t) => {
  const place = scratch(t, self);
  symlinkSync('loop', join(place, 'loop'));
  const host = new RealHost();
  const failure = (question: () => unknown) => {
    try {
      question();
    } catch (error) {
      t.type(error, LaunchError);
      return error as LaunchError;
    }
    t.fail('no error');
    return new LaunchError('none');
  };
  const loop = failure(() => host.pathKind(join(place, 'loop')));
  t.match(loop, {
    message: `can't examine ${place}/loop: stat: too many`,
    code: 'ELOOP',
    syscall: 'stat',
    path: join(place, 'loop'),
    exitStatus: 31,
  });
  const missing = failure(() => host.readHead(join(place, 'none'), 4));
  t.match(missing, { message: `can't read ${place}/none: stat: no such file or directory`, code: 'ENOENT' });
  t.match(
    failure(() => host.readHead(place, 4)),
    { message: `can't read ${place}: read: is a directory` },
  );
  if (!isRoot) {
    writeFileSync(join(place, 'closed'), '');
    chmodSync(join(place, 'closed'), 0);
    t.match(
      failure(() => host.readHead(join(place, 'closed'), 4)),
      { code: 'EACCES' },
    );
  }
  t.same(
    host.facts().filter(({ kind }) => kind === 'path'),
    [{ kind: 'path', path: join(place, 'loop'), found: 'barred' }],
    'that the way is barred is a fact, and nothing else',
  );
  t.end();
});

t.test('variables with one beginning are one fact, in the order of their bytes', (t) => {
  const set = { CH_TEST_B: '2', CH_TEST_A: '', CH_TEST_AB: 'é' };
  Object.assign(process.env, set, { CH_TES: 'x' });
  t.teardown(() => {
    for (const name of [...Object.keys(set), 'CH_TES']) delete process.env[name];
  });
  const host = new RealHost();
  t.same(Object.fromEntries(host.variables('CH_TEST_')), set);
  t.same([...host.variables('CH_TEST_NONE')], []);
  t.same(host.facts(), [
    { kind: 'variables', prefix: 'CH_TEST_', entries: ['CH_TEST_A=', 'CH_TEST_AB=é', 'CH_TEST_B=2'] },
    { kind: 'variables', prefix: 'CH_TEST_NONE', entries: [] },
  ]);
  t.end();
});

t.test('a whole file is read, and is a fact; where there is none, that is one', (t) => {
  const place = scratch(t, self);
  writeFileSync(join(place, 'file'), 'content');
  const host = new RealHost();
  t.equal(host.readFile(join(place, 'file'))?.text, 'content');
  t.equal(host.readFile(join(place, 'none')), undefined);
  t.match(host.facts(), [
    { kind: 'path', path: join(place, 'file'), found: 'file' },
    { kind: 'file', path: join(place, 'file'), size: '7' },
    { kind: 'path', path: join(place, 'none'), found: 'absent' },
  ]);
  t.throws(() => host.readFile(place), {
    message: `can't read ${place}: read: is a directory`,
  });
  t.end();
});

t.test('paths become absolute without being resolved', (t) => {
  const place = scratch(t, self);
  const before = process.cwd();
  t.teardown(() => process.chdir(before));
  process.chdir(place);
  const host = new RealHost();
  const rows = [
    ['/a/../b', '/a/../b'],
    ['a', `${place}/a`],
    ['./a', `${place}/a`],
    ['.//./a', `${place}/a`],
    ['../a', `${place}/../a`],
    ['a/./b', `${place}/a/./b`],
    ['.', place],
    ['./', place],
    ['', place],
    ['.a', `${place}/.a`],
  ] as const;
  for (const [path, absolute] of rows) t.equal(host.absolute(path), absolute, path);
  process.chdir('/');
  t.equal(new RealHost().absolute('a'), '/a');
  t.same(host.facts(), [{ kind: 'directory', path: place }]);
  t.end();
});

t.test('a working directory that was removed is an error', (t) => {
  const place = join(scratch(t, self), 'gone');
  mkdirSync(place);
  const before = process.cwd();
  process.chdir(place);
  rmdirSync(place);
  t.throws(() => new RealHost().absolute('a'), /the working directory has been removed/);
  process.chdir(before);
  t.end();
});
