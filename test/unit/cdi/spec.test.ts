/** CDI specifications: names, versions, fields, and which file counts. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { nearestNames } from '../../../src/base/nearest.js';
import { interpretHook } from '../../../src/cdi/hooks.js';
import { isDeviceName, isKind, parseDevice } from '../../../src/cdi/names.js';
import { devicesOf, isConflict, register } from '../../../src/cdi/registry.js';
import { readSoname } from '../../../src/cdi/soname.js';
import type { Spec } from '../../../src/cdi/spec.js';
import { validateSpec } from '../../../src/cdi/validate.js';
import { parseYaml } from '../../../src/cdi/yaml.js';
import { committed } from '../../helpers/support.js';

const long = (length: number) => 'a'.repeat(length);

t.test('kinds', (t) => {
  const right = ['vendor.com/foo', 'foo.bar.baz/foo-bar123.B_az', 'a/b', `v/${long(63)}`];
  const wrong = ['foo', 'vendor.com/foo/', 'vendor.com/foo/bar', '/foo', 'vendor.com/', '1.com/a', 'a.com/1'];
  for (const kind of right) t.ok(isKind(kind), kind);
  for (const kind of [...wrong, 'a.com/b-', 'a b/c', `v/${long(64)}`, `${long(254)}/c`])
    t.notOk(isKind(kind), kind);
  t.end();
});

t.test('names of devices', (t) => {
  for (const name of ['0', 'all', 'GPU-8f1e', '0000-03-00-0-0x56a0', 'mig:1:0', 'a.b_c'])
    t.ok(isDeviceName(name), name);
  for (const name of ['', '-a', 'a-', 'a b', 'a=b', 'ä', 'a/b']) t.notOk(isDeviceName(name), name);
  t.end();
});

t.test('what --device takes', (t) => {
  t.same(parseDevice('v.com/c=0'), { by: 'name', kind: 'v.com/c', name: '0' });
  t.same(parseDevice('v.com/c=all'), { by: 'name', kind: 'v.com/c', name: 'all' });
  t.same(parseDevice('v.com/c'), { by: 'name', kind: 'v.com/c' });
  for (const file of ['/etc/cdi/x.yaml', './x', '../x.json', 'x.json'])
    t.same(parseDevice(file), { by: 'file', file });
  for (const text of ['', 'gpu', 'gpu=0', 'v.com/c=', 'v.com/c=a=b', '=0'])
    t.equal(parseDevice(text), undefined, text);
  t.same(nearestNames('v.com/d=0', ['x/y=1', 'v.com/c=0']), ['v.com/c=0', 'x/y=1']);
  t.end();
});

const device = (edits: object = {}, name = 'd0') => ({ name, containerEdits: edits });
const spec = (change: object = {}) => ({
  cdiVersion: '1.0.0',
  kind: 'v.com/c',
  devices: [device()],
  ...change,
});
const edited = (edits: object, cdiVersion = '1.0.0') => spec({ cdiVersion, devices: [device(edits)] });

t.test('specifications that are right', (t) => {
  const right: readonly object[] = [
    spec(),
    ...['0.3.0', '0.6.0', '0.7.0', '0.8.0', '1.0.0', 'v1.1.0'].map((cdiVersion) => spec({ cdiVersion })),
    spec({ containerEdits: null, annotations: { a: 'b' } }),
    edited({ env: ['A=', 'B=c=d'], mounts: null, hooks: [] }, '0.3.0'),
    edited(
      { deviceNodes: [{ path: '/dev/x', type: '', major: 1, minor: 0, uid: 0, fileMode: 438 }] },
      '0.3.0',
    ),
    edited({ additionalGids: [0, 5], intelRdt: { closID: 'x', enableCMT: true } }, '0.7.0'),
    edited({ netDevices: [{ hostInterfaceName: 'eth1', name: 'eth0' }] }, '1.1.0'),
    spec({ kind: 'v.com/c.d', cdiVersion: '0.6.0' }),
  ];
  for (const content of right) t.doesNotThrow(() => validateSpec(content), JSON.stringify(content));
  t.same(validateSpec(edited({ additionalGIDs: [5] })).devices[0]?.containerEdits.additionalGids, [5]);
  t.equal(validateSpec(spec({ cdiVersion: 'v0.6.0' })).cdiVersion, '0.6.0');
  t.end();
});

/** What is wrong, and the whole message. */
const refused: readonly [unknown, string][] = [
  [[], 'expected an object at the top, got []'],
  [null, 'expected an object at the top, got null'],
  [{}, 'cdiVersion is missing'],
  [
    spec({ cdiVersion: '' }),
    'expected one of 0.3.0, 0.4.0, 0.5.0, 0.6.0, 0.7.0, 0.8.0, 1.0.0, 1.1.0 at cdiVersion, got ""',
  ],
  [spec({ cdiVersion: '0.2.0' }), 'got "0.2.0"'],
  [spec({ cdiVersion: '2.0.0' }), 'got "2.0.0"'],
  [spec({ cdiVersion: 1 }), 'expected text at cdiVersion, got 1'],
  [spec({ kind: 'gpu' }), 'expected vendor.com/class at kind, got "gpu"'],
  [
    spec({ kind: 'v.com/c.d', cdiVersion: '0.5.0' }),
    'a dot in the class needs cdiVersion 0.6.0, the file says 0.5.0',
  ],
  [spec({ devices: [] }), 'devices is empty'],
  [spec({ devices: {} }), 'expected a list at devices, got {}'],
  [
    spec({ devices: [device({}, 'a b')] }),
    'expected a name of letters, digits and _-.: at devices[0].name, got "a b"',
  ],
  [spec({ devices: [device(), device()] }), 'device d0 is defined twice'],
  [
    spec({ devices: [device({}, '0')], cdiVersion: '0.4.0' }),
    'the device name 0 needs cdiVersion 0.5.0, the file says 0.4.0',
  ],
  [spec({ devices: [{ name: 'x' }] }), 'devices[0].containerEdits is missing'],
  [spec({ more: 1 }), 'unknown field more'],
  [spec({ annotations: { a: 1 } }), 'expected a map of strings at annotations, got {"a":1}'],
  [spec({ annotations: {}, cdiVersion: '0.5.0' }), 'annotations needs cdiVersion 0.6.0, the file says 0.5.0'],
  [edited({ env: ['A'] }), 'expected a list of NAME=VALUE at devices[0].containerEdits.env, got ["A"]'],
  [edited({ env: ['=a'] }), 'expected a list of NAME=VALUE'],
  [edited({ deviceNodes: [{}] }), 'devices[0].containerEdits.deviceNodes[0].path is missing'],
  [
    edited({ deviceNodes: [{ path: 'dev' }] }),
    'expected an absolute path at devices[0].containerEdits.deviceNodes[0].path, got "dev"',
  ],
  [edited({ deviceNodes: [{ path: '/d', type: 'x' }] }), 'expected one of b, c, u, p at'],
  [edited({ deviceNodes: [{ path: '/d', minor: -1 }] }), 'expected a whole number at'],
  [
    edited({ deviceNodes: [{ path: '/d', hostPath: '/e' }] }, '0.4.0'),
    'deviceNodes[0].hostPath needs cdiVersion 0.5.0',
  ],
  [edited({ mounts: [{ hostPath: '/a' }] }), 'mounts[0].containerPath is missing'],
  [
    edited({ mounts: [{ hostPath: '/a', containerPath: '/b', type: 'none' }] }, '0.3.0'),
    'mounts[0].type needs cdiVersion 0.4.0',
  ],
  [
    edited({ mounts: [{ hostPath: '/a', containerPath: '/b', options: 'ro' }] }),
    'expected a list of strings at',
  ],
  [
    edited({ hooks: [{ hookName: 'x', path: '/x' }] }),
    'expected one of prestart, createRuntime, createContainer,',
  ],
  [edited({ hooks: [{ hookName: 'prestart', path: 'x' }] }), 'expected an absolute path at'],
  [edited({ additionalGids: [1] }, '0.6.0'), 'additionalGids needs cdiVersion 0.7.0, the file says 0.6.0'],
  [edited({ intelRdt: {} }, '0.6.0'), 'intelRdt needs cdiVersion 0.7.0'],
  [edited({ netDevices: [] }), 'netDevices needs cdiVersion 1.1.0, the file says 1.0.0'],
];
for (const [content, message] of refused) {
  t.test(`a specification is refused: ${message}`, (t) => {
    t.throws(() => validateSpec(content), { message: new RegExp(message.replace(/[.[\]{}()]/g, '\\$&')) });
    t.end();
  });
}

t.test('the files of the vendors are right', (t) => {
  for (const name of ['nvidia.yaml', 'intel.yaml']) {
    t.doesNotThrow(() => validateSpec(parseYaml(committed(`test/unit/cdi/${name}`))), name);
  }
  t.doesNotThrow(() => validateSpec(JSON.parse(committed('test/unit/cdi/amd.json'))));
  t.end();
});

t.test('the later directory counts, and two files of one directory are in conflict', (t) => {
  const file = (path: string, ...names: string[]) => ({
    path,
    spec: validateSpec(spec({ devices: names.map((name) => device({}, name)) })) as Spec,
  });
  const found = register([
    [file('/a/1', 'x', 'y'), file('/a/2', 'y', 'z'), file('/a/3', 'y')],
    [file('/b/1', 'x'), { path: '/b/2', error: 'broken' }],
  ]);
  const told = [...found.values()].map((entry) => [entry.name, isConflict(entry) ? entry.files : entry.file]);
  t.same(Object.fromEntries(told), {
    'v.com/c=x': '/b/1',
    'v.com/c=y': ['/a/1', '/a/2', '/a/3'],
    'v.com/c=z': '/a/2',
  });
  t.same(devicesOf({ path: '/b/2', error: 'broken' }), []);
  t.end();
});

const hook = (...args: string[]) => ({ hookName: 'createContainer', path: `/usr/bin/${args[0]}`, args });
t.test('hooks of both names are understood', (t) => {
  const links = { kind: 'links', links: [{ target: 'a', path: '/b' }] };
  t.same(interpretHook(hook('nvidia-cdi-hook', 'create-symlinks', '--link', 'a::/b')), links);
  t.same(interpretHook(hook('nvidia-ctk', 'hook', 'create-symlinks', '--link=a::/b')), links);
  t.same(
    interpretHook({ ...hook('x', 'create-symlinks', '--link=a::/b'), path: '/o/nvidia-cdi-hook' }),
    links,
  );
  t.same(
    interpretHook(hook('nvidia-ctk', 'hook', 'update-ldcache', '--folder', '/a,/b', '--ldconfig-path', '/x')),
    {
      kind: 'libraries',
      folders: ['/a', '/b'],
      search: true,
    },
  );
  t.same(interpretHook(hook('nvidia-ctk', 'hook', 'chmod', '--mode', '755', '--path', '/d')), {
    kind: 'chmod',
    mode: '755',
    paths: ['/d'],
  });
  t.same(interpretHook(hook('nvidia-cdi-hook', 'enable-cuda-compat', '--host-driver-version=550.1')), {
    kind: 'cuda-compat',
    directory: '/usr/local/cuda/compat',
    driver: '550.1',
  });
  t.same(interpretHook(hook('nvidia-cdi-hook', 'disable-device-node-modification')), { kind: 'nothing' });
  t.end();
});

t.test('options of hooks that have no value say nothing', (t) => {
  const libraries = { kind: 'libraries', folders: ['/a'], search: true };
  t.same(interpretHook(hook('nvidia-cdi-hook', 'update-ldcache', '--folder=/a', '--folder')), libraries);
  t.equal(interpretHook(hook('nvidia-cdi-hook', 'chmod', '--mode', '--path')), undefined);
  t.end();
});

t.test('other hooks are not', (t) => {
  for (const other of [
    hook('nvidia-cdi-hook', 'new-thing'),
    hook('nvidia-cdi-hook', 'create-symlinks', '--link', 'a:/b'),
    hook('nvidia-cdi-hook', 'create-symlinks', '--link', 'a::b'),
    hook('nvidia-cdi-hook', 'chmod', '--mode', 'u+x', '--path', '/d'),
    hook('update-ldcache', '--folder', '/a'),
    { ...hook('nvidia-cdi-hook', 'update-ldcache'), hookName: 'startContainer' },
    { hookName: 'createContainer', path: '/usr/bin/nvidia-cdi-hook' },
  ]) {
    t.equal(interpretHook(other), undefined, JSON.stringify(other));
  }
  t.end();
});

const partsOf = (bytes: Uint8Array) => (offset: number, size: number) =>
  bytes.subarray(offset, offset + size);

/** A library made here, with or without a name of its own. */
function makeLibrary(t: Test, ...words: string[]): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'ch-run-ts-soname-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const [source, library] = [join(directory, 'x.c'), join(directory, 'x.so')];
  writeFileSync(source, 'int x;');
  execFileSync('gcc', ['-shared', '-fPIC', ...words, '-o', library, source]);
  return readFileSync(library);
}

t.test('the name that a library calls itself', (t) => {
  const named = makeLibrary(t, '-Wl,-soname,libx.so.1');
  t.equal(readSoname(partsOf(named)), 'libx.so.1');
  t.equal(readSoname(partsOf(makeLibrary(t))), undefined, 'none');
  t.equal(readSoname(partsOf(makeLibrary(t, '-Wl,-soname,a/b'))), undefined, 'no path');
  t.equal(readSoname(partsOf(Buffer.from('#!/bin/sh\n'))), undefined);
  const program = openSync(process.execPath, 'r');
  const read = (offset: number, size: number) => {
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, readSync(program, bytes, 0, size, offset));
  };
  t.equal(readSoname(read), undefined, 'a program');
  closeSync(program);
  t.end();
});

t.test('a damaged library has a name or none, and breaks nothing', (t) => {
  const named = makeLibrary(t, '-Wl,-soname,libx.so.1');
  const damage = fc.tuple(fc.nat({ max: 1023 }), fc.nat({ max: 255 }));
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 8 }), fc.nat(named.length), (places, length) => {
      const bytes = Buffer.from(named).subarray(0, length < 64 ? length : undefined);
      for (const [at, value] of places) if (at < bytes.length) bytes[at] = value;
      const soname = readSoname(partsOf(bytes));
      return soname === undefined || !soname.includes('/');
    }),
  );
  t.end();
});
