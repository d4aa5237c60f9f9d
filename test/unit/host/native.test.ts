import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { native, type SystemError } from '../../../src/host/native.js';
import { fromBytes, toBuffer } from '../../helpers/bytes.js';
import { scratch } from '../../helpers/support.js';

t.test('bytes come as strings and go back, whatever they are', (t) => {
  const place = join(scratch(t), 'file');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      writeFileSync(place, bytes);
      t.equal(native.content(place).text, fromBytes(bytes));
    }),
    { numRuns: 300 },
  );
  const name = fc.uint8Array({ min: 1, minLength: 1, maxLength: 20 }).map((bytes) => `x${fromBytes(bytes)}`);
  const folder = scratch(t);
  fc.assert(
    fc.property(
      name.filter((text) => !text.includes('/')),
      (text) => {
        mkdirSync(toBuffer(`${folder}/${text}`), { recursive: true });
        t.equal(native.status(`${folder}/${text}`).kind, 'directory');
        t.ok(native.entries(folder).includes(text));
      },
    ),
    { numRuns: 100 },
  );
  t.end();
});

t.test('what the system refuses is thrown with call, number, name and words', (t) => {
  const refusal = (ask: () => unknown): SystemError | undefined => {
    try {
      ask();
      return undefined;
    } catch (error) {
      return error as SystemError;
    }
  };
  t.match(
    refusal(() => native.status('/nonexistent')),
    {
      errno: 2,
      code: 'ENOENT',
      syscall: 'stat',
      reason: 'no such file or directory',
    },
  );
  t.match(
    refusal(() => native.content('/')),
    { code: 'EISDIR', syscall: 'read' },
  );
  t.match(
    refusal(() => native.run('/nonexistent', [], 1000)),
    { code: 'ENOENT', syscall: 'execve' },
  );
  t.match(
    refusal(() => native.run('/bin/sleep', ['100'], 50)),
    { code: 'ETIMEDOUT' },
  );
  t.end();
});

t.test('programs are run with nothing to read, and their ends are told', (t) => {
  const script = 'cat; echo out; echo err >&2; exit 3';
  t.same(native.run('/bin/sh', ['-c', script], 10_000), {
    status: 3,
    signal: 0,
    output: 'out\n',
    errors: 'err\n',
  });
  t.match(native.run('/bin/sh', ['-c', 'kill -9 $$'], 10_000), { status: 137, signal: 9 });
  t.end();
});

t.test('a status says what lies there and when it changed, links followed or not', (t) => {
  const place = scratch(t);
  writeFileSync(join(place, 'file'), 'abc', { mode: 0o640 });
  symlinkSync('file', join(place, 'link'));
  t.match(native.status(join(place, 'link')), { kind: 'file', mode: 0o640, size: '3', modified: /^\d{19}$/ });
  t.match(native.status(join(place, 'link'), 'no-follow'), { kind: 'link', size: '4' });
  t.match(native.status('/dev/null'), { kind: 'c', numbers: '1:3' });
  t.end();
});
