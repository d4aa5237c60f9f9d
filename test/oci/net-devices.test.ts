/** Network devices of the host that are moved into a container. */
import t from 'tap';
import { makeBundle, runtime } from '../helpers/bundles.js';
import { isRoot, skip, start, users } from '../helpers/support.js';

/** A network of the test's own, with a pair of devices. */
const script = `
ip link add one type veth peer name two &&
ip link set one mtu 1400 address 02:00:00:00:00:01 up && ip address add 10.9.8.7/24 dev one &&
ip address add fd00:9::7/64 dev one nodad && ip link set two up && ip address add 10.9.8.8/24 dev two || exit 70
names() { ip -o link | sed 's/^[0-9]*: \\([a-z0-9]*\\).*/\\1/' | sort | tr '\\n' ' '; }
oci() { "$RUNTIME" --root "$ROOT" "$@"; }
oci run -d a >/dev/null </dev/null
echo "status $?; left: $(names)"
pid=$(oci ps -f json a 2>/dev/null | tr -d '[]')
[ -z "$pid" ] || nsenter --net --target $pid sh -c 'ip link; ip -o address'
oci delete -f a
`;

t.test('a device is moved, renamed and up, with its addresses; it is gone from the host', (t) => {
  const [user] = users;
  if (!isRoot || !user) return skip(t, 'only root can move network devices');
  const bundle = makeBundle(t, user, ({ process, linux }) => {
    process.args = ['sleep', '100'];
    linux.namespaces.push({ type: 'network' });
    linux.netDevices = { one: { name: 'net%d' } };
  });
  const run = () =>
    start(user, 'unshare', ['--net', 'sh', '-c', script], {
      cwd: bundle.path,
      env: { ...globalThis.process.env, RUNTIME: runtime, ROOT: bundle.root },
    });
  const { stdout, stderr } = run();
  t.equal(stderr, '');
  for (const words of [
    /net0[:@].*<.*\bUP\b.* mtu 1400 [\s\S]*02:00:00:00:00:01/,
    'inet 10.9.8.7/24',
    'inet6 fd00:9::7/64',
  ])
    t.match(stdout, words);
  t.match(stdout, /^status 0; left: lo two $/m, 'and nothing else is moved');

  bundle.write(({ linux }) => {
    linux.netDevices = { nowhere: {} };
  });
  t.match(
    run().stderr,
    /can't move the network device nowhere into the container as nowhere: .*no such device/,
  );
  bundle.write(({ linux }) => {
    linux.netDevices = { one: { name: 'lo' } };
  });
  t.match(run().stderr, /as lo: the container has a network device of that name/);
  t.match(run().stdout, /left: lo one two $/m, 'what is not moved stays');
  t.end();
});
