/** A mount namespace that is joined: the container sees the mounts of others, and changes none. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { type Config, makeBundle } from '../helpers/bundles.js';
import { users } from '../helpers/support.js';

for (const user of users)
  t.test(`a mount namespace is joined, and its root entered, as ${user.name}`, (t) => {
    const first = makeBundle(t, user, (config) => {
      config.process.args = ['sleep', '100'];
      config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
    });
    first.oci(['run', '-d', 'a']);
    first.oci(['exec', 'a', 'sh', '-c', ' echo x > /tmp/made']);
    const { pid } = first.state('a');
    const before = readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
    const second = makeBundle(t, user);
    const joined = (change: (config: Config) => void) =>
      second.write((config) => {
        config.process.args = ['sh', '-c', 'cat /tmp/made; readlink /proc/self/ns/mnt; pwd'];
        config.root = { path: '/' };
        config.mounts = [];
        const files = { user: 'user', mount: 'mnt', pid: 'pid' };
        config.linux = {
          namespaces: Object.entries(files).map(([type, file]) => ({
            type,
            path: `/proc/${pid}/ns/${file}`,
          })),
        };
        delete config.hostname;
        change(config);
      });
    joined(() => {});
    const inside = first.oci(['exec', 'a', 'readlink', '/proc/self/ns/mnt']).stdout;
    const { stdout, stderr } = second.oci(['run', 'b']);
    t.same([stdout, stderr], [`x\n${inside}/\n`, '']);
    joined((config) => {
      config.root.path = '/tmp/nowhere';
    });
    t.match(second.oci(['run', 'b']), {
      status: 1,
      stderr: "can't enter the root /tmp/nowhere of the mount namespace: chroot: no such file or directory",
    });
    const changes: Readonly<Record<string, (config: Config) => void>> = {
      mounts: (config) => {
        config.mounts = [{ destination: '/mnt', type: 'tmpfs' }];
      },
      'root.readonly': ({ root }) => {
        root.readonly = true;
      },
      'linux.maskedPaths': ({ linux }) => {
        linux.maskedPaths = ['/proc/kcore'];
      },
      'linux.rootfsPropagation': ({ linux }) => {
        linux.rootfsPropagation = 'shared';
      },
    };
    for (const [name, change] of Object.entries(changes)) {
      joined(change);
      t.match(second.oci(['run', 'b']), {
        status: 1,
        stderr: `${name} would change the mount namespace that is joined`,
      });
    }
    t.equal(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'), before, 'its mounts are as before');
    t.end();
  });
