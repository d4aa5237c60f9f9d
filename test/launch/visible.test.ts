/** Names and lines of others on the terminal: they forge no line, and no escape sequence is sent. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { quoted, visible } from '../../src/base/visible.js';
import { toBuffer } from '../helpers/bytes.js';
import { type Ending, image, makeImage, ordinaryUser, plant, run, scratch } from '../helpers/support.js';

const evil = 'x\nch-run-ts[1]: error: forged\x1b[2J\x7f\u009b31m\udc9b';
const shown = 'x\\nch-run-ts[1]: error: forged\\033[2J\\177\\302\\23331m\\233';

t.test('control characters and bytes that are not UTF-8 are shown as ls shows them', (t) => {
  t.equal(visible(evil), shown);
  t.equal(visible('a\tb\rc\0'), 'a\\tb\\rc\\000');
  t.equal(visible('café \\ €'), 'café \\ €', 'all others as they are');
  t.equal(quoted('\x1b\x7f\u009b\n'), '"\\u001b\\u007f\\u009b\\n"');
  t.end();
});

t.test('text for people has no control character of others', (t) => {
  const place = scratch(t);
  const storage = join(place, 'storage');
  mkdirSync(join(place, '\x1b[2J\ny'));
  plant(storage, { 'img/': null });
  mkdirSync(toBuffer(`${storage}/img/${evil}`));
  const named = JSON.stringify('x\x1b[2J\n').replaceAll('\u007f', '');
  plant(place, { 'warn/config.toml': `[options]\nset-env = ["A=1"]\nbnd = [${named}]\n` });
  plant(place, { 'dry/config.toml': `[options]\nset-env = [${JSON.stringify(`A=\x1b[2J\n`)}]\n` });
  const script = makeImage(t, { 'bin/tool': '#!/no\x1b[2J\x7f/shell\n', 'ch/environment': 'A\x1b[2J\n' });
  const rows: readonly [string, Ending, string | RegExp][] = [
    [
      'an image that is not there',
      run(ordinaryUser, ['../\x1b[2J\nx', '--', 'true']),
      'no image ../\\033[2J\\nx',
    ],
    ['--list', run(ordinaryUser, ['-s', storage, '--list']), `${shown.replaceAll('/', '/')}  directory`],
    ['a command that is not there', run(ordinaryUser, [image, '--', '/\x1b[2J\nx']), '/\\033[2J\\nx'],
    ['the first line of a script', run(ordinaryUser, [script, '--', '/bin/tool']), '/no\\033[2J\\177/shell'],
    ['a line of a file of variables', run(ordinaryUser, ['--set-env', script, '--', '/probe']), 'A\\033[2J'],
    ['an unknown option', run(ordinaryUser, ['--bi\x1b[2Jd', image, '--', 'true']), '--bi\\033[2Jd'],
    [
      'an unknown key of a file',
      run(ordinaryUser, [`--config=${place}/warn/config.toml`, image, '--', 'true']),
      'bnd',
    ],
    [
      '--dry-run',
      run(ordinaryUser, [`--config=${place}/dry/config.toml`, '--dry-run', image]),
      '"A=\\u001b[2J\\n"',
    ],
    [
      '--doctor',
      run(ordinaryUser, ['--doctor'], { env: { CH_IMAGE_STORAGE: `${place}/\x1b[2J\ny` } }),
      `${place}/\\033[2J\\ny`,
    ],
    ['steps', run(ordinaryUser, ['-v', '--set-env=A=\x1b[2J\nx', image, '--', 'true']), 'A=\\033[2J\\nx'],
    [
      'the program’s own name',
      run(ordinaryUser, ['/none', '--', 'true'], { argv0: 'x\x1b[2J\ny' }),
      'x\\033[2J\\ny[',
    ],
  ];
  for (const [what, { stdout, stderr }, message] of rows) {
    const all = stdout + stderr;
    t.match(all, message, what);
    t.notMatch(all, /(?!\n)\p{Cc}/u, `${what}: no control character`);
    t.notMatch(all, /^forged|^ch-run-ts\[1\]|^y(?!es )/m, `${what}: no forged line`);
  }
  t.end();
});

t.test('a named file has its control characters in JSON', (t) => {
  const place = scratch(t);
  writeFileSync(join(place, 'x\x1b'), '');
  const { stderr } = run(ordinaryUser, ['--log=json', join(place, 'x\x1b'), '--', 'true']);
  t.ok(JSON.parse(stderr).message.includes('x\x1b'));
  t.end();
});
