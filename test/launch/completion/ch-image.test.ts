/** Completion of ch-image-ts: names of images in storage, and formats, of the same table as the options. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { environmentOf, ordinaryUser, plant, scratch, start } from '../../helpers/support.js';
import { program } from '../../image/image.js';

const path = `${dirname(program)}:/usr/bin:/bin`;

/** A storage directory; one of its images would run a command if its name were expanded. */
function storageWith(t: Test, ...names: readonly string[]): NodeJS.ProcessEnv {
  const storage = scratch(t);
  plant(storage, Object.fromEntries(names.map((name) => [`img/${name}/x`, ''])));
  return { CH_IMAGE_STORAGE: storage, PATH: path };
}

/** What bash offers for the last word. */
function bash(t: Test, words: readonly string[], env: NodeJS.ProcessEnv): readonly string[] {
  const script = `
    source <(ch-image-ts --completion=bash)
    compopt() { case $2 in default | dirnames) COMPREPLY=("by readline: $2") ;; esac; }
    COMP_WORDS=(ch-image-ts "$@")
    COMP_CWORD=$#
    _ch_image_ts
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const cwd = scratch(t);
  mkdirSync(join(cwd, 'offered'));
  const { status, stdout, stderr } = start(ordinaryUser, 'bash', ['--norc', '-c', script, 'bash', ...words], {
    env: { ...environmentOf(ordinaryUser), ...env },
    cwd,
  });
  t.same([status, stderr], [0, ''], words.join(' '));
  return stdout.split('\n').filter((line) => line !== '');
}

const hostile = '$(touch PWNED)';

t.test('bash completes names of images where a command takes one', (t) => {
  const env = storageWith(t, 'debian+12', 'other', hostile);
  for (const command of ['inspect', 'tag', 'delete', 'push']) {
    t.same(bash(t, [command, 'oth'], env), ['other'], command);
    t.same(bash(t, [command, 'debian', ':', '1'], env), ['12'], 'a colon breaks words');
  }
  t.same(bash(t, ['delete', 'other', 'deb'], env), ['debian:12']);
  for (const word of ['$', '\\$'])
    t.same(bash(t, ['delete', word], env), ['\\$\\(touch\\ PWNED\\)'], 'quoted, and not expanded');
  t.same(bash(t, ['list', 'o'], env), ['by readline: default']);
  t.same(bash(t, ['inspect', 'oth'], { ...env, CH_IMAGE_STORAGE: '/nowhere' }), ['by readline: default']);
  t.end();
});

t.test('bash completes formats where a command takes them, and files', (t) => {
  const env = storageWith(t);
  t.same(bash(t, ['import', 'o'], env), ['oci:', 'oci-archive:', 'offered/']);
  t.same(bash(t, ['convert', 'x', 'doc'], env), ['docker-archive:']);
  t.same(bash(t, ['convert', 'oci', ':'], env), ['by readline: default'], 'what follows is a file');
  t.same(bash(t, ['convert', 'oci', ':', 'off'], env), ['by readline: default']);
  t.end();
});

t.test('fish completes names of images and formats', (t) => {
  const env = {
    ...environmentOf(ordinaryUser),
    ...storageWith(t, 'debian+12', 'other', hostile),
    HOME: scratch(t),
  };
  const ask = (line: string) => {
    const script = 'ch-image-ts --completion=fish | source; complete -C "$argv[1]"';
    const { status, stdout, stderr } = start(ordinaryUser, 'fish', ['--no-config', '-c', script, line], {
      env,
    });
    t.same([status, stderr], [0, ''], line);
    return stdout;
  };
  t.match(ask('ch-image-ts delete deb'), /^debian:12\timage$/m);
  t.match(ask('ch-image-ts delete '), /^\$\(touch PWNED\)\timage$/m);
  t.match(ask('ch-image-ts import docker-a'), /^docker-archive:\tformat$/m);
  t.notMatch(ask('ch-image-ts list deb'), /debian/);
  t.end();
});

t.test('the script for zsh is sound, and asks for names', (t) => {
  const env = { ...environmentOf(ordinaryUser), ...storageWith(t, 'debian+12', hostile) };
  const script = `autoload -U compinit; compinit -D -u; source <(ch-image-ts --completion=zsh)
    _files() {}; compadd() { print -rl -- "\${(@P)\${@[-1]}}" }; _ch_image_ts_images`;
  const { status, stdout, stderr } = start(ordinaryUser, 'zsh', ['-f', '-c', script], { env });
  t.same([status, stderr], [0, '']);
  t.same(
    stdout
      .split('\n')
      .filter((line) => line !== '')
      .sort(),
    [hostile, 'debian:12'],
  );
  t.end();
});
