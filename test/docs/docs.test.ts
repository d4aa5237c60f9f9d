/** Every command line of the documents is run, and every link leads somewhere. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import {
  checkout,
  environmentOf,
  isRoot,
  launcher,
  noSquashfs,
  scratch,
  skip,
  start,
  type User,
  users,
} from '../helpers/support.js';
import { blocksOf, type CommandLine, pages, read, spansOf, tableOptionsOf } from './command-lines.js';
import { furnish } from './room.js';

const commandLines = (page: string): readonly CommandLine[] => {
  const text = read(page);
  const options = page === 'docs/migration.md' ? tableOptionsOf(text) : [];
  return [...blocksOf(text), ...spansOf(text), ...options];
};

/** A container of `user` to enter, which runs until `t` ends. */
function startContainer(t: Test, room: string, user: User): number {
  const child = spawn(launcher, ['./img', '--', 'sleep', '600'], {
    cwd: room,
    env: environmentOf(user),
    stdio: 'ignore',
    ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
  });
  t.teardown(() => child.kill());
  return child.pid ?? 0;
}

for (const user of users) {
  t.test(`the command lines of the documents run, as ${user.name}`, (t) => {
    if (noSquashfs) return skip(t, noSquashfs);
    const room = scratch(t, user);
    furnish(room, user);
    const pid = startContainer(t, room, user);
    const env = {
      HOME: join(room, 'home'),
      CH_IMAGE_STORAGE: join(room, 'storage'),
      CH_RUN_CDI_DIRS: join(room, 'cdi'),
      PATH: `${dirname(launcher)}:${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    };
    /** Words in capitals stand for something. */
    const fill = (script: string) =>
      script
        .replace(/\bIMAGE\b/g, './img')
        .replace(/\bOPTION\b/g, 'bind')
        .replace(/\bPID\b/g, String(pid));
    // once is enough for one that copies all of Python
    for (const page of pages.filter((name) => user.uid !== 0 || name !== 'docs/quickstart.md')) {
      for (const { line, script, shell } of commandLines(page)) {
        if (shell === undefined || shell === 'slurm') continue;
        const words = shell === 'bash' ? ['-euo', 'pipefail', '-c', fill(script)] : ['-c', script];
        const { status, stdout, stderr } = start(user, shell, words, {
          cwd: room,
          env,
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        t.equal(status, 0, `${page}:${line}`, { script, stdout, stderr });
      }
    }
    return t.end();
  });
}

t.test('what is not run says why, and tests that it names exist', (t) => {
  for (const page of pages) {
    for (const { line, reason = '' } of commandLines(page)) {
      for (const [name] of reason.matchAll(/\btest\/[\w./-]*\w/g))
        t.ok(existsSync(join(checkout, name)), `${page}:${line}: ${name}`);
    }
  }
  t.end();
});

t.test('a block must say how it is run if not by bash', (t) => {
  t.same(blocksOf('a\n\n    b c\n    d\n\ne\n\n```\nf\n```\n'), [
    { line: 3, script: 'b c\nd\n', shell: 'bash' },
    { line: 9, script: 'f', shell: 'bash' },
  ]);
  t.match(blocksOf('<!-- not run: no time -->\n\n    x\n'), [{ shell: undefined, reason: 'no time' }]);
  t.match(blocksOf('<!-- run: fish -->\n\n    x\n'), [{ shell: 'fish' }]);
  for (const comment of ['<!-- not run -->', '<!-- not run:  -->', '<!-- run: csh -->', '<!-- later -->'])
    t.throws(() => blocksOf(`${comment}\n\n    x\n`), { message: comment });
  t.same(spansOf('use `ch-run-ts -V`, or\n`ls`\n'), [{ line: 1, script: 'ch-run-ts -V', shell: 'bash' }]);
  t.end();
});

/** As forges make them of headings. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

t.test('links between documents lead somewhere', (t) => {
  for (const page of pages) {
    const prose = read(page).replace(/^ {4}.*$/gm, '');
    for (const [, target = ''] of prose.matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const path = join(dirname(page), file);
      t.ok(existsSync(join(checkout, path)), `${page}: ${target}`);
      if (anchor === undefined) continue;
      const headings = [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading));
      t.ok(headings.includes(anchor), `${page}: ${target}`);
    }
  }
  t.end();
});

t.test('no file points to a document or test that the repository does not have', (t) => {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: checkout,
    encoding: 'utf8',
  });
  const files = new Set(listed.trim().split('\n'));
  const isKept = (path: string) => files.has(path) || [...files].some((file) => file.startsWith(`${path}/`));
  for (const file of files) {
    if (!/\.(md|ts|mjs|cc|h|gyp)$/.test(file) || !existsSync(join(checkout, file))) continue;
    const text = read(file);
    for (const [, path = ''] of text.matchAll(
      /(?<![\w/.$-])((?:docs|src|addon|test|examples|scripts|profiles)\/[\w/-]+\.(?:md|ts|mjs|cc|h|toml)|[A-Z][A-Z-]+\.md)\b/g,
    ))
      if (!isKept(path) && !isKept(join(dirname(file), path))) t.fail(`${file} points to ${path}`);
  }
  t.end();
});
