/** What config.json must have as a whole, whatever each of its fields says. */
import t from 'tap';
import {
  checkConfig,
  dropNulls,
  ownNamespaces,
  readProcess,
  readText,
} from '../../../src/oci/config/read.js';
import { fakeHost } from '../../helpers/fake-host.js';

/** A configuration that is accepted, with `linux` and the rest changed. */
const configWith = (linux: object = {}, rest: object = {}): object => ({
  ociVersion: '1.0.2',
  root: { path: '/rootfs' },
  process: { args: ['true'], cwd: '/', user: { uid: 0, gid: 0 } },
  ...rest,
  linux: { namespaces: [{ type: 'mount' }], ...linux },
});

const mapping = [{ containerID: 0, hostID: 1000, size: 1 }];
const joined = { namespaces: [{ type: 'mount', path: '/proc/1/ns/mnt' }] };
const network = { namespaces: [{ type: 'mount' }, { type: 'network' }] };

const refusals: readonly (readonly [title: string, config: object, message: RegExp])[] = [
  ['no process', configWith({}, { process: undefined }), /: there is no process$/],
  ['no command', configWith({}, { process: { args: [], cwd: '/' } }), /process\.args is empty/],
  [
    'a relative directory',
    configWith({}, { process: { args: ['true'], cwd: 'tmp' } }),
    /process\.cwd .*absolute.*"?tmp/,
  ],
  ['a version to come', configWith({}, { ociVersion: '2.0.0' }), /ociVersion 2\.0\.0 is not supported/],
  [
    'a namespace twice',
    configWith({ namespaces: [{ type: 'mount' }, { type: 'uts' }, { type: 'uts' }] }),
    /the namespace uts is there twice/,
  ],
  ['the mounts of the host', configWith({ namespaces: [] }), /needs a mount namespace of its own/],
  ['the host name of the host', configWith({}, { hostname: 'a' }), /hostname and domainname need a UTS/],
  ['maps without a user namespace', configWith({ uidMappings: mapping }), /need a user namespace/],
  [
    'maps of a user namespace that has some',
    configWith({
      namespaces: [{ type: 'mount' }, { type: 'user', path: '/proc/1/ns/user' }],
      gidMappings: mapping,
    }),
    /a joined user namespace has its maps already/,
  ],
  [
    'clocks of the host',
    configWith({ timeOffsets: { boottime: { secs: 1 } } }),
    /timeOffsets need a time namespace/,
  ],
  [
    'mounts where others see them',
    configWith(joined, { mounts: [{ destination: '/a' }] }),
    /^.*: mounts would change/,
  ],
  [
    'masked paths where others see them',
    configWith({ ...joined, maskedPaths: ['/proc/kcore'] }),
    /linux\.maskedPaths would change the mount namespace that is joined/,
  ],
  [
    'a relative root among mounts of others',
    configWith(joined, { root: { path: 'a' } }),
    /root\.path must be absolute/,
  ],
  [
    'no name of a device',
    configWith({ ...network, netDevices: { 'a b': {} } }),
    /'a b' is no name of a network/,
  ],
  [
    'a name of sixteen bytes',
    configWith({ ...network, netDevices: { a: { name: 'abcdefghijklmnop' } } }),
    /'abcdefghijklmnop' is no name of a network device/,
  ],
  [
    'two devices of one name',
    configWith({ ...network, netDevices: { a: { name: 'b' }, b: {} } }),
    /two of them are called b in the container/,
  ],
  ['devices for the host', configWith({ netDevices: { a: {} } }), /netDevices need a network namespace/],
];

for (const [title, config, message] of refusals)
  t.test(`refused: ${title}`, async (t) => {
    t.throws(() => checkConfig(JSON.parse(JSON.stringify(config))), { message });
  });

t.test('what asks for nothing, or has a namespace of its own, is accepted', async (t) => {
  const accepted = [
    configWith(),
    configWith({}, { ociVersion: '1.3.0-rc.1' }),
    configWith(joined),
    configWith({ timeOffsets: {} }),
    configWith({ ...network, netDevices: { a: { name: 'eth%d' }, b: { name: 'eth%d' } } }),
  ];
  for (const config of accepted) t.same(checkConfig(config).warnings, []);
  t.same([...ownNamespaces(checkConfig(configWith(network)).config).keys()], ['mount', 'network']);
});

t.test('null is the same as absent, wherever it stands', async (t) => {
  t.same(dropNulls({ a: null, b: [{ c: null, d: 0 }, 'e'], f: false }), { b: [{ d: 0 }, 'e'], f: false });
  t.throws(() => checkConfig({ ...configWith(), process: null }), { message: /there is no process$/ });
});

t.test('a file of a process, and what can be no process', async (t) => {
  const file = (text: string) => fakeHost({ paths: { '/p': Buffer.from(text) } });
  t.same(readProcess('/p', file('{"args":["a"],"cwd":"/","env":null,"user":{"uid":0,"gid":0}}')), {
    args: ['a'],
    cwd: '/',
    user: { uid: 0, gid: 0 },
  });
  t.throws(() => readProcess('/p', file('{')), { message: /^\/p is not JSON: / });
  t.throws(() => readProcess('/p', file('{"args":[],"cwd":"/"}')), { message: /process\.args is empty/ });
  t.throws(() => readText('/nowhere', fakeHost()), { message: /can't read \/nowhere: .*no such file/ });
});
