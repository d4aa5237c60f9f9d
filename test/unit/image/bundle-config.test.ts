/** The config.json of a bundle, as a pure function of the image's configuration and the options. */
import { existsSync } from 'node:fs';
import t from 'tap';
import { annotationsOf } from '../../../src/formats/annotations.js';
import { type BundleRequest, bundleConfig, mountsOf } from '../../../src/image/bundle-config.js';
import { faultsOf } from '../../helpers/json-schema.js';
import { skip } from '../../helpers/support.js';

const plain: BundleRequest = {
  path: 'rootfs',
  config: undefined,
  annotations: {},
  caller: { uid: 1000, gid: 100 },
  isRoot: false,
  isolate: false,
  mounts: [],
  environment: [],
  hooks: {},
  has: () => true,
};
const config = {
  entrypoint: ['/bin/run'],
  command: ['a'],
  environment: ['PATH=/opt/bin', 'A=1=2'],
  directory: 'relative',
  user: { uid: 7, gid: 8, home: '/home/joe' },
  volumes: ['/data/', '/data/below/it', '/data', '/dev/x', '/tmp', 'no'],
};

/** Of Debian's golang-github-opencontainers-specs-dev. */
const schema = '/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema/config-schema.json';

t.test('config.json is valid by the schema of the specification', (t) => {
  if (!existsSync(schema)) return skip(t, 'there is no schema of the specification');
  for (const isRoot of [true, false])
    for (const isolate of [true, false])
      for (const image of [undefined, config]) {
        const made = bundleConfig({ ...plain, isRoot, isolate, config: image, shmSize: 1 << 20 });
        t.same(faultsOf(JSON.parse(JSON.stringify(made)), schema), []);
      }
  const wrong = JSON.parse(JSON.stringify(bundleConfig(plain)));
  wrong.mounts[0].destination = 5;
  wrong.linux.namespaces[0].type = 'none';
  delete wrong.process.cwd;
  t.same(faultsOf(wrong, schema).length, 3, 'what is wrong is found');
  t.end();
});

t.test('the caller is root, or the user of the image, and no other id is mapped', (t) => {
  const idsOf = ({ linux, process }: ReturnType<typeof bundleConfig>) => [
    linux.uidMappings,
    linux.gidMappings,
    process.user,
  ];
  const one = (containerID: number, hostID: number) => [{ containerID, hostID, size: 1 }];
  t.same(idsOf(bundleConfig(plain)), [one(0, 1000), one(0, 100), { uid: 0, gid: 0 }]);
  t.same(idsOf(bundleConfig({ ...plain, config })), [one(7, 1000), one(8, 100), { uid: 7, gid: 8 }]);
  t.ok(bundleConfig(plain).process.capabilities.effective.includes('CAP_CHOWN'));
  t.same(bundleConfig({ ...plain, config }).process.capabilities.effective, []);
  t.end();
});

t.test('a variable of the image takes precedence; each has one value', (t) => {
  t.same(bundleConfig({ ...plain, config }).process.env, [
    'PATH=/opt/bin',
    'HOME=/home/joe',
    'container=ch-run-ts',
    'A=1=2',
  ]);
  t.same(bundleConfig({ ...plain, config }).process.args, ['/bin/run', 'a']);
  t.equal(bundleConfig({ ...plain, config }).process.cwd, '/relative');
  t.same(bundleConfig(plain).process.args, ['/bin/sh']);
  t.end();
});

t.test('mounts come after those that they lie in; volumes where the host is not shown', (t) => {
  const places = (more: Partial<BundleRequest>) =>
    mountsOf({ ...plain, ...more }).map(({ destination, type }) => `${type} ${destination}`);
  t.same(places({ config }), [
    ...['bind /dev', 'bind /proc', 'bind /sys', 'bind /tmp', 'tmpfs /data'],
    ...['bind /etc/hosts', 'bind /etc/machine-id', 'bind /etc/resolv.conf'],
    ...['bind /dev/shm', 'bind /dev/mqueue', 'bind /dev/pts', 'bind /dev/hugepages'],
    ...['bind /var/lib/hugetlbfs', 'bind /var/spool/slurmd', 'tmpfs /data/below/it'],
  ]);
  t.same(places({ isolate: true, has: (path) => path.startsWith('/dev/') }), [
    ...['bind /dev', 'proc /proc', 'bind /sys', 'tmpfs /tmp', 'tmpfs /dev/shm', 'mqueue /dev/mqueue'],
    ...['bind /dev/pts', 'bind /dev/hugepages'],
  ]);
  t.same(places({ shmSize: 5, has: () => false }).length, 4, 'nothing is made in /dev of the host');
  const [shm] = mountsOf({ ...plain, shmSize: 4096 }).filter(({ destination }) => destination === '/dev/shm');
  t.same(shm?.options, ['nosuid', 'nodev', 'noexec', 'mode=1777', 'size=4096']);
  const [, , sys] = mountsOf({ ...plain, isRoot: true });
  t.same(sys?.options, ['rbind', 'ro', 'rro'], 'root of the machine could write to it');
  t.end();
});

t.test('fields of an image become annotations, and labels but those that runtimes obey', (t) => {
  const text = JSON.stringify({
    os: 'linux',
    architecture: 'arm64',
    variant: 'v8',
    author: 'a',
    created: '2020-01-01T00:00:00Z',
    config: {
      StopSignal: 'SIGINT',
      ExposedPorts: { '80/tcp': {}, '443/udp': {} },
      Labels: {
        'org.opencontainers.image.author': 'b',
        'run.oci.keep_original_groups': '1',
        'org.systemd.property.X': '1',
        more: '',
      },
    },
  });
  const name = 'org.opencontainers.image';
  t.same(annotationsOf(text, 'x'), {
    annotations: {
      [`${name}.os`]: 'linux',
      [`${name}.architecture`]: 'arm64',
      [`${name}.variant`]: 'v8',
      [`${name}.author`]: 'b',
      [`${name}.created`]: '2020-01-01T00:00:00Z',
      [`${name}.stopSignal`]: 'SIGINT',
      [`${name}.exposedPorts`]: '443/udp,80/tcp',
      more: '',
    },
    leftOut: ['run.oci.keep_original_groups', 'org.systemd.property.X'],
  });
  t.end();
});
