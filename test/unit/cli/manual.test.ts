import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { renderHelp, renderOptionHelp, spellOption } from '../../../src/cli/help.js';
import { renderManual, renderMarkdown } from '../../../src/cli/manual.js';
import { readHints, renderTroubleshooting } from '../../../src/doctor/troubleshooting.js';
import { program as imageProgram } from '../../../src/image/program.js';
import { parseCommandLine } from '../../../src/run/command-line.js';
import { program } from '../../../src/run/program.js';
import { checkout, committed, failsWith, ordinaryUser, run, skip } from '../../helpers/support.js';

t.test('the committed manual and docs/options.md are those of the table (else: npm run docs)', (t) => {
  t.equal(committed('docs/options.md'), renderMarkdown(program));
  t.equal(committed('man/ch-run-ts.1'), renderManual(program));
  t.equal(committed('docs/image-options.md'), renderMarkdown(imageProgram));
  t.equal(committed('man/ch-image-ts.1'), renderManual(imageProgram));
  t.end();
});

t.test('the committed docs/troubleshooting.md is that of the table of hints (else: npm run docs)', (t) => {
  const table = run(ordinaryUser, ['--hints']).stdout;
  t.equal(committed('docs/troubleshooting.md'), renderTroubleshooting(readHints(table)));
  t.throws(() => readHints(table.slice(0, -2)), { message: 'the records are truncated' });
  t.end();
});

t.test('every option is in the manual and in docs/options.md', (t) => {
  for (const option of program.common) {
    t.match(renderMarkdown(program), `\n### \`${spellOption(option)}\`\n`);
    t.match(renderManual(program), `\n.B ${spellOption(option).replaceAll('-', '\\-')}\n`);
  }
  t.end();
});

t.test('details are sentences', (t) => {
  for (const { name, details } of program.common)
    if (details !== undefined) t.match(details, /^(--|[A-Z]).*\.$/, name);
  t.end();
});

t.test('the manual page is formatted without a complaint', (t) => {
  const { error, status, stdout, stderr } = spawnSync(
    'groff',
    ['-man', '-Tutf8', '-ww', '-z', join(checkout, 'man/ch-run-ts.1')],
    { encoding: 'utf8' },
  );
  if (error) return skip(t, 'there is no groff');
  t.same([status, stdout, stderr], [0, '', '']);
  t.end();
});

t.test('--help OPTION tells all about one option, however it is named', (t) => {
  for (const words of [
    ['--help', 'bind'],
    ['-?', '--bind'],
    ['--help', '-b'],
    ['--help', 'bin'],
  ]) {
    const { status, stdout, stderr } = run(ordinaryUser, words);
    t.same([status, stderr], [0, ''], words.join(' '));
    t.match(stdout, /^-b, --bind=SRC\[:DST.*\]\n {4}bind host path SRC/);
    t.match(stdout, /\n\n {4}Everything mounted below SRC/);
    t.match(stdout.replace(/\s+/g, ' '), 'Can be given more than once.');
  }
  failsWith(t, run(ordinaryUser, ['--help', 'bnd']), 64, /bnd/);
  t.end();
});

t.test('help is one screen wide', (t) => {
  const texts = [renderHelp(program), ...program.common.map(renderOptionHelp)];
  for (const line of texts.flatMap((text) => text.split('\n')))
    if (line.length > 80) t.fail(`too long: ${line}`);
  t.match(renderHelp(program), '\n  ch-run-ts ./img -- python3 job.py ');
  t.end();
});

t.test('what docs/migration.md says to type is accepted', (t) => {
  const cells = committed('docs/migration.md')
    .split('\n')
    .flatMap((line) => line.split(' | ')[2] ?? [])
    .flatMap((cell) =>
      [...cell.matchAll(/`((ch-run-ts )?-[^`]*|ch-run-ts [^`]*)`/g)].map(([, words = '']) => words),
    );
  t.ok(cells.length > 15);
  for (const cell of cells) {
    const words = cell
      .replace(/^ch-run-ts /, '')
      .replaceAll("'", '')
      .replace('=PID', '=1')
      .split(' ');
    const line = words.includes('--') ? words : [...words, 'img', '--', 'true'];
    t.match(parseCommandLine(line), { kind: 'launch' }, cell);
  }
  t.end();
});
