/** A container whose control group is frozen, by whoever did that. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeBundle, until } from '../helpers/bundles.js';
import { isRoot, skip, users } from '../helpers/support.js';

/** Where control groups can be frozen, and how. */
const freezers = [
  { root: '/sys/fs/cgroup/freezer', file: 'freezer.state', freeze: 'FROZEN', thaw: 'THAWED' },
  { root: '/sys/fs/cgroup', file: 'cgroup.freeze', freeze: '1', thaw: '0' },
];

t.test('a frozen container is paused, and no further process is put into it', async (t) => {
  const freezer = freezers.find(({ root }) => existsSync(join(root, 'cgroup.procs')));
  const [user] = users;
  if (!isRoot || !user || !freezer) return skip(t, 'only root can freeze a control group here');
  const bundle = makeBundle(t, user, ({ process }) => {
    process.args = ['sleep', '100'];
  });
  bundle.oci(['run', '-d', 'a']);
  const { pid } = bundle.state('a');
  const group = join(freezer.root, `ch-oci-ts-test-${process.pid}`);
  mkdirSync(group);
  const write = (name: string, text: string) => writeFileSync(join(group, name), text);
  t.teardown(async () => {
    write(freezer.file, freezer.thaw);
    bundle.oci(['delete', '--force', 'a']);
    await until(() => !existsSync(`/proc/${pid}`), 'it is gone');
    rmdirSync(group);
  });
  write('cgroup.procs', String(pid));
  write(freezer.file, freezer.freeze);
  await until(() => bundle.state('a').status === 'paused', 'the container is paused');
  t.match(bundle.oci(['exec', 'a', 'true']), {
    status: 255,
    stderr: "ch-oci-ts: error: can't run a process in container a: it is paused\n",
  });
  t.match(bundle.oci(['delete', 'a']), { status: 1, stderr: /it is paused/ });
  write(freezer.file, freezer.thaw);
  await until(() => bundle.state('a').status === 'running', 'it runs again');
  t.equal(bundle.oci(['exec', 'a', 'true']).status, 0);
  t.end();
});
