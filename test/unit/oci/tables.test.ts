/** The tables of ch-oci-ts: fields, options, and what is made from them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { renderManual } from '../../../src/cli/manual.js';
import { optionsOf } from '../../../src/cli/program.js';
import { checkFields } from '../../../src/oci/config/check.js';
import { listFields } from '../../../src/oci/config/field.js';
import { configFields } from '../../../src/oci/config/fields.js';
import { renderFields } from '../../../src/oci/config/render.js';
import { parseMountOptions } from '../../../src/oci/plan/mount-options.js';
import { program } from '../../../src/oci/program.js';
import { runtime } from '../../helpers/bundles.js';
import { checkout, committed, skip } from '../../helpers/support.js';

t.test('the committed manual and docs/oci.md are those of the tables (else: npm run docs)', (t) => {
  t.equal(committed('man/ch-oci-ts.1'), renderManual(program));
  t.ok(committed('docs/oci.md').endsWith(`by npm run docs -->\n${renderFields()}`));
  t.end();
});

t.test('the options that are read natively are those of the table', (t) => {
  const lines = execFileSync(runtime, ['--native-options'], { encoding: 'utf8' }).trim().split('\n');
  t.ok(lines.length > 5);
  for (const line of lines) {
    const [, verb, name, value] = /^(?:(\w+) )?--([\w-]+)( VALUE)?$/.exec(line) ?? [];
    const command = program.commands.find((each) => each.name === verb);
    const option = optionsOf(program, command).find((each) => each.name === name);
    t.equal(option?.value, value ? 'required' : 'none', line);
  }
  t.end();
});

/** Of Debian's golang-github-opencontainers-specs-dev. */
const schemas = '/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** The names of all fields with fields of their own below them, as far as one file of the schema has them. */
function fieldsOf({ properties = {} }: Schema, prefix = ''): readonly string[] {
  return Object.entries(properties).flatMap(([name, below]) => [
    `${prefix}${name}`,
    ...fieldsOf(below, `${prefix}${name}.`),
  ]);
}

t.test('every field of the schema of the specification is in the table', (t) => {
  if (!existsSync(schemas)) return skip(t, 'there is no schema of the specification');
  const read = (name: string) => JSON.parse(readFileSync(`${schemas}/${name}.json`, 'utf8'));
  const rows = listFields(configFields).map(([path]) => path.replaceAll('[]', '').replaceAll('.*', ''));
  // what is below a field that is refused as a whole needs no row
  const whole = listFields(configFields)
    .filter(([, { form }]) => form === 'any')
    .map(([path]) => `${path}.`);
  const fields = [...fieldsOf(read('config-schema')), ...fieldsOf(read('config-linux').linux, 'linux.')];
  t.ok(fields.length > 80, `${fields.length} fields`);
  for (const field of fields)
    t.ok(rows.includes(field) || whole.some((path) => field.startsWith(path)), field);
  t.end();
});

t.test('unknown fields and what asks for nothing are ignored, what is refused is told by its name', (t) => {
  const minimal = { ociVersion: '1.0.2', root: { path: 'x' } };
  const check = (more: object) => checkFields({ ...minimal, ...more }, configFields, 'config.json');
  t.same(check({ unknown: 1, linux: { resources: { pids: { limit: 0 }, memory: {} }, intelRdt: null } }), []);
  t.same(check({ linux: { cgroupsPath: '/a', resources: { rdma: { mlx5_1: { hcaHandles: 3 } } } } }), []);
  t.same(check({ linux: { resources: { memory: { kernel: 1 } } } }), [
    'config.json.linux.resources.memory.kernel: the kernel has no such limit any more',
  ]);
  for (const [more, message] of [
    [
      { linux: { resources: { pids: { limit: '1' } } } },
      'expected a whole number at config.json.linux.resources.pids.limit',
    ],
    [
      { linux: { resources: { rdma: { a: { hcaHandles: -1 } } } } },
      'a whole number at config.json.linux.resources.rdma.a.hcaHandles',
    ],
    [{ linux: { resources: { rdma: [] } } }, 'expected an object at config.json.linux.resources.rdma'],
    [{ linux: { seccomp: { defaultAction: 'A', listenerPath: 'x' } } }, 'expected an absolute path'],
    [
      { hooks: { poststop: [{ path: 'relative' }] } },
      'expected an absolute path at config.json.hooks.poststop[0].path',
    ],
    [{ process: { args: ['a\0b'] } }, 'NUL in config.json.process.args'],
    [{ root: {} }, 'config.json.root has no path'],
    [{ root: [] }, 'expected an object at config.json.root'],
  ] as const)
    t.throws(() => check(more), { message: new RegExp(message.replace(/[.[\]]/g, '\\$&')) });
  t.end();
});

t.test('options of mounts become flags, propagation, or data of the file system', (t) => {
  t.same(
    parseMountOptions(['rbind', 'ro', 'rnoexec', 'suid', 'rslave', 'size=1m', 'tmpcopyup', 'defaults'], '/x'),
    {
      bind: 'rbind',
      words: ['ro', 'r:noexec', '-nosuid', 'rslave', 'copy-up'],
      data: ['size=1m'],
    },
  );
  t.throws(() => parseMountOptions(['idmap=uids=0-1-2'], '/x'), {
    message: /the option idmap=.* is refused/,
  });
  t.end();
});

t.test('each test that docs/oci.md names for a promise is there', (t) => {
  const promises = committed('docs/oci.md').match(/## What is promised.*?\n## /s)?.[0] ?? '';
  const names = promises.match(/(?<=`)[\w/-]+\.test\.ts(?=`)/g) ?? [];
  t.ok(names.length > 30);
  for (const name of new Set(names))
    t.ok(existsSync(join(checkout, name.includes('/') ? name : `test/oci/${name}`)), name);
  t.end();
});
