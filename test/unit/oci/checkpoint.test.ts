/** What CRIU is told of a container: which of its mounts, streams and namespaces lie outside of it. */
import t from 'tap';
import type { Config } from '../../../src/oci/config/config.js';
import { requireGroups, sharedRequest } from '../../../src/oci/plan/criu.js';
import { findExternalMounts } from '../../../src/oci/plan/external-mounts.js';
import { findStream, inheritStreams } from '../../../src/oci/plan/streams.js';
import type { CriuOption } from '../../../src/plan/outside-kinds.js';

const words = (options: readonly CriuOption[]) =>
  options.map(({ name, key, value }) => (key === undefined ? `${name}=${value}` : `${key}=${value}`));

const config = (more: object = {}, rest: object = {}): Config =>
  ({
    ociVersion: '1.0.2',
    root: { path: '/b/rootfs' },
    linux: { namespaces: [{ type: 'mount' }, { type: 'cgroup' }], ...more },
    ...rest,
  }) as Config;

const table = `179 154 254:0 /b/rootfs / rw,relatime master:1 - ext4 /dev/vda rw
181 179 0:40 / /proc rw,relatime - proc proc rw
182 179 0:41 / /dev rw,relatime - tmpfs tmpfs rw,mode=755
183 179 0:26 /test/c1 /sys/fs/cgroup ro,relatime - cgroup2 cgroup2 rw
184 181 0:40 /sys /proc/sys ro,relatime - proc proc rw
185 181 0:5 /null /proc/kcore rw,relatime master:2 - devtmpfs dev rw
186 181 0:5 /null /proc/keys rw,relatime master:2 - devtmpfs dev rw
187 181 0:39 /4 /proc/acpi ro,nosuid - tmpfs tmpfs rw
188 182 0:42 / /dev/pts rw - devpts devpts rw
189 182 0:42 /0 /dev/console rw - devpts devpts rw
190 182 0:5 /zero /dev/zero rw - devtmpfs dev rw
191 179 0:50 / /dev/shm rw - tmpfs shm rw
192 179 254:0 /b/rootfs/etc /etc ro - ext4 /dev/vda rw
193 179 254:0 /srv/my\\040data /real/my\\040data rw - ext4 /dev/vda rw
194 179 254:0 /b/rootfs2 /two rw - ext4 /dev/vda rw
`;

t.test(
  'mounts of what is outside have names; what the container has whole, or binds of its own, is saved',
  (t) => {
    const masked = { maskedPaths: ['/proc/kcore', '/proc/keys', '/proc//acpi/'] };
    const mounts = [
      { destination: '/dev/shm/', source: '/var/shm', type: 'bind' },
      { destination: '/link/my data', source: '/srv/my data', options: ['rbind'] },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs' },
    ];
    t.same(words(findExternalMounts(table, config(masked, { mounts }))), [
      '/proc/kcore=/dev/null',
      '/proc/keys=/dev/null',
      '/proc/acpi=ch-oci-ts/empty',
      '/dev/zero=/dev/zero',
      '/dev/shm=/dev/shm',
      '/real/my data=/real/my data',
      '/two=/two',
    ]);
    const shared = config({ namespaces: [{ type: 'mount' }] });
    t.ok(
      words(findExternalMounts(table, shared)).includes('/sys/fs/cgroup=/sys/fs/cgroup'),
      "without a namespace of their own, control groups are a bind of the host's",
    );
    t.end();
  },
);

t.test('streams that are pipes, and files of the host, are those of whoever restores', (t) => {
  const mounts = new Set([179]);
  const cases = [
    [{ name: 'pipe:[7]', kind: 'p', inode: '7', mount: 12 }, 'pipe:[7]', []],
    [{ name: '/log', kind: 'file', inode: '4660', mount: 31 }, 'file[1f:1234]', ['external=file[1f:1234]']],
    [{ name: '/dev/null', kind: 'c', inode: '4', mount: 22 }, 'file[16:4]', ['external=file[16:4]']],
    // one of the container's own
    [{ name: '/log', kind: 'file', inode: '4660', mount: 179 }, '/log', []],
    [{ name: '/log' }, '/log', []],
    [{ name: 'socket:[9]', kind: 'other', inode: '9', mount: 8 }, 'socket:[9]', []],
  ] as const;
  for (const [stream, name, external] of cases) {
    const found = findStream(stream, mounts);
    t.same([found.name, words(found.external)], [name, external]);
  }
  t.same(words(inheritStreams(['pipe:[7]', '/dev/pts/0', 'file[16:4]', null, 'x pipe:'])), [
    'pipe:[7]=0',
    'file[16:4]=2',
  ]);
  t.end();
});

t.test('options, annotations and namespaces become options of CRIU', (t) => {
  const request = (values: object, given: Config, isManaged = true) =>
    words(sharedRequest({ ...values }, given, 'x.log', isManaged)).filter(
      (word) => !/^(log_|notify|orphan)/.test(word),
    );
  t.same(request({}, config()), [
    'manage_cgroups=1',
    'manage_cgroups_mode=6',
    'config_file=/etc/criu/runc.conf',
  ]);
  t.same(
    request(
      { 'tcp-established': true, 'ext-unix-sk': true, 'file-locks': true, 'manage-cgroups-mode': 'strict' },
      config({ namespaces: [{ type: 'network' }] }, { annotations: { 'org.criu.config': '/x' } }),
    ),
    [
      ...['manage_cgroups=1', 'manage_cgroups_mode=5', 'tcp_established=1', 'ext_unix_sk=1', 'file_locks=1'],
      ...['config_file=/x', 'empty_ns=1073741824'],
    ],
  );
  t.same(
    request(
      { 'shell-job': true, 'manage-cgroups-mode': 'full' },
      config({ namespaces: [{ type: 'network', path: '/n' }] }, { annotations: { 'org.criu.config': '' } }),
      false,
    ),
    ['manage_cgroups_mode=0', 'shell_job=1'],
    'groups of the caller are left alone, the namespace of others is theirs, and there may be no configuration',
  );
  t.end();
});

t.test('a cgroup namespace without a control group would be lost: that has to be asked for', (t) => {
  const check = (values: object, isManaged: boolean, given = config()) =>
    requireGroups({ ...values }, given, isManaged, 'restore container a');
  t.throws(() => check({}, false), {
    message: "can't restore container a: it has a cgroup namespace, but no control group of its own",
  });
  check({}, true);
  check({ 'manage-cgroups-mode': 'ignore' }, false);
  check({}, false, config({ namespaces: [{ type: 'mount' }] }));
  t.end();
});
