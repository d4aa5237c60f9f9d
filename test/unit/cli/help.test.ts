import t from 'tap';
import { version } from '../../../src/base/version.js';
import { renderHelp, renderUsage, summaryOf } from '../../../src/cli/help.js';
import type { Option } from '../../../src/cli/program.js';
import { knownFeatures } from '../../../src/run/options.js';
import { program } from '../../../src/run/program.js';
import { committed, image, ordinaryUser, run } from '../../helpers/support.js';

const spelled = ({ name, value, metavar }: Option) =>
  `--${name}${value === 'none' ? '' : value === 'required' ? `=${metavar}` : `[=${metavar}]`}`;

for (const option of program.common) {
  t.test(`--${option.name} appears in help and usage, with its letter and value`, (t) => {
    const words = spelled(option);
    const line = renderHelp(program)
      .split('\n')
      .find((each) => each.includes(` ${words}`));
    t.ok(line, words);
    if (option.short) t.match(line, `  -${option.short}, --${option.name}`);
    t.match(renderHelp(program).replace(/\s+/g, ' '), summaryOf(option));
    t.match(
      renderUsage(program).replace(/\s+/g, ' '),
      option.short ? `[-${option.short}|${words}]` : `[${words}]`,
    );
    t.end();
  });

  t.test(`--${option.name} is declared in full`, (t) => {
    t.match(option.name, /^[a-z][a-z0-9-]+$/);
    t.match(option.summary, /^[^A-Z].*[^.]$/s, 'lower case, no final period');
    t.equal(option.metavar === undefined, option.value === 'none', 'a metavariable if there is a value');
    t.ok(option.group in program.groups);
    t.end();
  });
}

t.test('help fits on a terminal, has every heading, and no trailing blanks', (t) => {
  const help = renderHelp(program);
  for (const title of Object.values(program.groups)) t.match(help, `\n${title}:\n`);
  for (const line of help.split('\n'))
    if (line.length > 100 || /\s$/.test(line)) t.fail(`too long, or blanks: ${line}`);
  for (const status of ['31', '49', '64', '84', '87']) t.match(help, status);
  t.end();
});

t.test('--help, --usage and --version print on standard output and succeed', (t) => {
  for (const word of ['--help', '-?', '--usage', '--version', '-V']) {
    t.match(run(ordinaryUser, [word]), { status: 0, stderr: '' }, word);
  }
  t.equal(run(ordinaryUser, ['--help']).stdout, renderHelp(program));
  t.equal(run(ordinaryUser, ['--usage', image]).stdout, renderUsage(program));
  t.match(run(ordinaryUser, ['--version']).stdout, `ch-run-ts ${version} (features: `);
  t.end();
});

t.test('the version is that of package.json', (t) => {
  t.equal(version, JSON.parse(committed('package.json')).version);
  t.end();
});

for (const [feature, status] of [
  ['extglob', 0],
  ['seccomp', /^(0|87)$/],
  ['squash', /^(0|87)$/],
  ['overlayfs', /^(0|87)$/],
  ['tmpfs-xattrs', /^(0|87)$/],
] as const) {
  t.test(`--feature=${feature} tells by its exit status`, (t) => {
    const ending = run(ordinaryUser, [`--feature=${feature}`]);
    t.match(String(ending.status), typeof status === 'number' ? String(status) : status);
    t.same([ending.stdout, ending.stderr], ['', '']);
    t.end();
  });
}

t.test('an unknown feature is an error that names those there are', (t) => {
  const { status, stderr } = run(ordinaryUser, ['--feature=magic']);
  t.equal(status, 31);
  t.match(stderr, `expected ${knownFeatures.join(', ')} for --feature, got 'magic'`);
  t.end();
});

t.test('--dry-run prints the plan in three forms, and starts nothing', (t) => {
  const print = (format: string) => run(ordinaryUser, [format, '-w', image, '--', '/no/such/command']);
  for (const format of ['--dry-run', '--dry-run=json', '--dry-run=plan']) {
    t.match(print(format), { status: 0, stderr: '' }, format);
  }
  t.match(print('--dry-run').stdout, `root               ${image} writable`);
  t.match(JSON.parse(print('--dry-run=json').stdout), { create: [{ kind: 'user-namespace' }] });
  t.ok(print('--dry-run=plan').stdout.startsWith('ch-run-ts-plan\x001\x00'));
  t.end();
});
