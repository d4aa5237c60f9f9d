/** Messages, comments and documents are in the English of this field: CONTRIBUTING.md has a list of what is not. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkout, committed } from '../helpers/support.js';

/** What reads as translated, as in the left column of that list. */
const translated = [
  /one too many/,
  /the one is .*the other is/,
  /(?:words?|OPTION|NUL|byte|return) behind (?:it|the options)/,
  /eats the word/,
  /stands alone and/,
  /who comes now/,
  /over at once/,
  /nobody in particular/,
  /was ended by signal/,
  /made it known/,
  /tell of this/,
  /\bat times\b/,
  /without a word/,
  /(?<!there )\bis no (?:directory|regular|symlink|option:)/,
  /are no container/,
  /and the like/,
  /was in vain/,
  /barred, by whatever/,
  /stand behind each other/,
  /tabulator/,
  /\bthe begin\b/,
  /becomes refused/,
  /\bthe both\b/,
  /\bso called\b/,
  /in case that/,
  /informations|softwares/,
  /peers (?:came|have come)/,
  /stays so:/,
  /switched off here/,
  /an answer that is none/,
  /\bon default\b/,
  /\bfor ever\b/,
  /can['’]t be looked at/,
  /\bdecide[sd]? anew\b/,
  /\bnobody['’]s child\b/,
  /\bno place yet\b/,
  /\bthe very (?:directory|directories|file)\b/,
  /\bswitched on\b/,
  /\bon by (?:itself|themselves)\b/,
  /(?:\/ W|[:;] w|\bby w|\bfor w|test\('w)ho (?:asks|waits|comes|starts|has|had to|enters|can['’]t)\b/,
  /\bfor want of\b/,
  /\b(?:it|that|what) is no (?:option|id)\b/,
  /\b(?:read|begins?|written|got|made?|sent) anew\b/,
  /\bbehind (?:the image|`--`|all links)/,
  /\b(?:source|archive\}),? .*can(?:['’]|no)t be had\b/,
  /\bwants (?:lib|the source)/,
  /\bhits? all alike\b/,
  /\bseconds of the wall\b/i,
];

t.test('nothing reads as translated', (t) => {
  const files = execFileSync(
    'git',
    [
      'ls-files',
      'src',
      'addon',
      'docs',
      'man',
      'test',
      'scripts',
      'bench',
      'examples',
      '*.gyp',
      'README.md',
      'CHANGELOG.md',
    ],
    {
      cwd: checkout,
      encoding: 'utf8',
    },
  );
  for (const file of files.trim().split('\n')) {
    if (
      !/\.(?:ts|mjs|cc|h|md|1|gyp|py)$|\/[^.]+$/.test(file) ||
      file.endsWith('english.test.ts') ||
      !existsSync(join(checkout, file))
    )
      continue;
    for (const [number, line] of committed(file).split('\n').entries())
      for (const pattern of translated)
        if (pattern.test(line)) t.fail(`${file}:${number + 1}: ${line.trim()}`);
  }
  t.end();
});
