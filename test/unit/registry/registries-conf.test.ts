import t from 'tap';
import { parseReference, renderReference } from '../../../src/registry/reference.js';
import { endpointsOf, qualify, readRegistries } from '../../../src/registry/registries-conf.js';
import { fakeHost } from '../../helpers/fake-host.js';

const site = '/etc/containers/registries.conf';
const own = '/home/alice/.config/containers/registries.conf';

function places(name: string, files: Readonly<Record<string, string>>) {
  const paths = Object.fromEntries(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));
  const registries = readRegistries(fakeHost({ paths }));
  return endpointsOf(qualify(parseReference(name), registries), registries).map(
    ({ reference, insecure, isMirror }) =>
      `${isMirror ? 'mirror ' : ''}${insecure ? 'insecure ' : ''}${renderReference(reference)}`,
  );
}

const mirrored = `
unqualified-search-registries = ["h.org", "quay.io"]
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "mirror.site:5000/hub"
insecure = true
[[registry.mirror]]
location = "other.site"
[[registry]]
prefix = "h.org/old"
location = "h.org/new"
[[registry]]
location = "h.org"
insecure = true
[[registry]]
prefix = "*.evil.org"
blocked = true
[aliases]
debian = "docker.io/library/debian"
`;

for (const [name, wanted] of [
  [
    'debian:12',
    [
      'mirror insecure mirror.site:5000/hub/library/debian:12',
      'mirror other.site/library/debian:12',
      'docker.io/library/debian:12',
    ],
  ],
  ['fedora', ['insecure h.org/fedora']],
  ['h.org/old/x:1', ['h.org/new/x:1']],
  ['h.org/older/x', ['insecure h.org/older/x']],
  ['h.org.other/x', ['h.org.other/x']],
] as const)
  t.test(`${name} is asked for in order`, async (t) => t.same(places(name, { [site]: mirrored }), wanted));

t.test('a blocked registry is refused by the name of the file', async (t) => {
  t.throws(() => places('a.evil.org/x', { [site]: mirrored }), {
    message: `a.evil.org/x is blocked by ${site}`,
  });
  t.same(places('evil.org/x', { [site]: mirrored }), ['evil.org/x']);
});

t.test("the user's file takes the place of the site's; directories add to it", async (t) => {
  t.same(places('a/b', { [site]: mirrored, [own]: '' }), ['docker.io/a/b']);
  const more = { '/etc/containers/registries.conf.d/x.conf': '[aliases]\nb = "h.org/c"\n' };
  t.same(places('b:1', { [own]: '', ...more }), ['h.org/c:1']);
  t.same(places('debian', {}), ['docker.io/library/debian']);
});
