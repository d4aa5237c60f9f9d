import t from 'tap';
import type { LaunchError } from '../../../src/base/errors.js';
import { complete, parseReference, renderReference } from '../../../src/registry/reference.js';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

/** What is written, and its parts: registry, repository, tag, digest. */
const references: readonly (readonly [string, string | undefined, string, (string | undefined)?, string?])[] =
  [
    ['debian', undefined, 'debian'],
    ['debian:12', undefined, 'debian', '12'],
    ['docker://debian:12', undefined, 'debian', '12'],
    ['library/debian', undefined, 'library/debian'],
    ['a/b/c:x', undefined, 'a/b/c', 'x'],
    ['localhost/a', 'localhost', 'a'],
    ['localhost:5000/a:1', 'localhost:5000', 'a', '1'],
    ['h.org/a/b', 'h.org', 'a/b'],
    ['h.org:443/a_b/c__d/e-f/g--h.i:T_1.2-3', 'h.org:443', 'a_b/c__d/e-f/g--h.i', 'T_1.2-3'],
    ['[::1]:5000/a', '[::1]:5000', 'a'],
    ['127.0.0.1:5000/a', '127.0.0.1:5000', 'a'],
    [`debian@${digest}`, undefined, 'debian', undefined, digest],
    [`h.org/debian:12@${digest}`, 'h.org', 'debian', '12', digest],
  ];

for (const [text, registry, repository, tag, pin] of references)
  t.test(`${text} is understood, and written the same`, (t) => {
    const found = parseReference(text);
    t.same(found, { registry, repository, tag, digest: pin });
    t.equal(renderReference(found), text.replace('docker://', ''));
    t.end();
  });

for (const [text, why] of [
  ['', 'no repository'],
  ['Debian', 'capital letters'],
  ['debian:', 'no tag'],
  ['debian:a b', 'no tag'],
  [`debian:${'x'.repeat(129)}`, 'no tag'],
  ['debian@sha256:abc', '64 hexadecimal digits'],
  [`debian@${digest}@${digest}`, '64 hexadecimal digits'],
  ['debian@sha512:1', '64 hexadecimal digits'],
  ['a//b', 'no repository'],
  ['/a', 'no repository'],
  ['a/', 'no repository'],
  ['h.org/', 'no repository'],
  ['a..b', 'no repository'],
  ['-h.org/a', 'no host'],
  ['h.org:port/a', 'no host'],
  ['https://h.org/a', 'no host'],
  ['h.org/../a', 'no repository'],
  [`a/${'b'.repeat(254)}`, 'longer than 255'],
] as const)
  t.test(`'${text.slice(0, 40)}' is refused`, (t) => {
    try {
      t.fail(JSON.stringify(parseReference(text)));
    } catch (error) {
      t.match((error as LaunchError).message, why);
      t.equal((error as LaunchError).exitStatus, 64);
    }
    t.end();
  });

t.test('Docker Hub has several names, and keeps images without an owner in library', (t) => {
  const at = (text: string, registry: string) => renderReference(complete(parseReference(text), registry));
  t.equal(at('debian', 'docker.io'), 'docker.io/library/debian');
  t.equal(at('debian', 'index.docker.io'), 'docker.io/library/debian');
  t.equal(at('a/b:1', 'registry-1.docker.io'), 'docker.io/a/b:1');
  t.equal(at('debian', 'h.org'), 'h.org/debian');
  t.end();
});
