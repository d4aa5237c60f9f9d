/** sd_notify(3): what a container says is passed on to the service manager that started it. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Bundle, type Config, makeBundle, until } from '../helpers/bundles.js';
import { checkout, isRoot, users } from '../helpers/support.js';

/** A manager at `socket`; returns what it has been told so far. */
async function startManager(t: Test, { user }: Bundle, socket: string) {
  const manager = spawn('python3', [join(checkout, 'test/oci/manager.py'), socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
  });
  t.teardown(() => manager.kill());
  let text = '';
  manager.stdout?.on('data', (data) => {
    text += data;
  });
  await until(() => text.startsWith('ready\n'), 'the manager listens');
  return (): readonly string[] =>
    text
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line));
}

/** Says what must not be passed on, too. */
const script = (end: string) => `
/probe with 'notify=STATUS=begins' -- true
/probe with 'notify=MAINPID=1%0aFDSTORE=1%0aREADY=1' -- true
${end}`;

const says = (end: string) => (config: Config) => {
  config.process.args = ['sh', '-c', script(end)];
  config.process.user = { uid: 0, gid: 0 };
};

for (const user of users) {
  t.test(
    `start waits until the container is ready, and says which process to watch, as ${user.name}`,
    async (t) => {
      const bundle = makeBundle(t, user, says('exec sleep 1000'));
      const socket = join(bundle.path, 'manager');
      const told = await startManager(t, bundle, socket);
      const env = { NOTIFY_SOCKET: socket };
      t.match(bundle.oci(['create', 'a'], { env }), { status: 0, stderr: '' });
      t.same(told(), [], 'nothing is said before the start');
      t.match(bundle.oci(['start', 'a'], { env }), { status: 0, stderr: '' });
      await until(() => told().length === 2, 'the manager is told');
      t.same(told(), ['STATUS=begins\n', `MAINPID=${bundle.state('a').pid}\nREADY=1\n`]);
      const other = bundle.oci(['exec', 'a', 'sh', '-c', 'echo > /run/notify/x']);
      t.match(other.stderr, /Read-only file system/, 'nothing is made beside it');
      t.equal(bundle.oci(['delete', '--force', 'a']).status, 0);
      t.same(readdirSync(bundle.root), [], 'nothing is left');

      t.match(bundle.oci(['run', '--detach', 'b'], { env }), { status: 0, stderr: '' });
      await until(() => told().length === 4, 'the manager is told again');
      t.equal(told()[3], `MAINPID=${bundle.state('b').pid}\nREADY=1\n`);
    },
  );

  t.test(`run passes on all that the container says while it lives, as ${user.name}`, async (t) => {
    const bundle = makeBundle(t, user, (config) => {
      says('/probe with notify=STATUS=ends -- true; exit 3')(config);
      // whose root is nobody who may search the directories of containers
      if (user.uid === 0)
        for (const maps of [config.linux.uidMappings, config.linux.gidMappings])
          Object.assign(maps[0], { hostID: 100_000, size: 65_536 });
    });
    // an abstract name: of the host's network
    const name = `@ch-oci-ts-${process.pid}-${user.uid}`;
    const told = await startManager(t, bundle, name);
    t.match(bundle.oci(['run', 'a'], { env: { NOTIFY_SOCKET: name } }), { status: 3, stderr: '' });
    await until(() => told().length === 3, 'the manager is told');
    t.same(told(), ['STATUS=begins\n', 'READY=1\n', 'STATUS=ends\n']);
    t.same(readdirSync(bundle.root), [], 'nothing is left');
  });

  t.test(`a container that ends before it is ready ends the wait, as ${user.name}`, async (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sh', '-c', 'echo "$NOTIFY_SOCKET"; ls /run/notify'];
    });
    // nobody listens there
    const env = { NOTIFY_SOCKET: join(bundle.path, 'nobody') };
    t.match(bundle.oci(['run', '--detach', 'a'], { env }), {
      status: 0,
      stdout: '/run/notify/notify.sock\nnotify.sock\n',
      stderr: '',
    });
    t.match(bundle.oci(['run', 'b']), { stdout: '\n' }, 'without a manager there is no socket');
    bundle.write(({ process }) => {
      process.env.push('NOTIFY_SOCKET=/own');
      process.args = ['sh', '-c', 'echo $NOTIFY_SOCKET'];
    });
    t.match(
      bundle.oci(['run', 'c'], { env }),
      { status: 0, stdout: '/own\n' },
      "or it is the configuration's",
    );
  });
}
