/** Images by name: where they are looked for, which one is meant, and --list. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { toBuffer } from '../helpers/bytes.js';
import {
  failsWith,
  launcher,
  makeImage,
  noSquashfs,
  plant,
  probe,
  run,
  runQuietly,
  scratch,
  skip,
  start,
  type User,
  users,
} from '../helpers/support.js';
import { pack } from './servers.js';

/** A storage directory with these images, each with its name at /ch/environment; `.sqfs` makes it a SquashFS file. */
function makeStorage(t: Test, user: User, names: readonly string[]): string {
  const storage = scratch(t, user);
  plant(storage, { 'img/': null }, user);
  for (const name of names) {
    const tree = makeImage(t, { 'ch/environment': `WHICH=${name}` }, user);
    if (name.endsWith('.sqfs')) pack(tree, join(storage, 'img', name));
    else renameSync(tree, join(storage, 'img', name));
  }
  return storage;
}

/** Which of these images a reference leads to. */
function which(user: User, words: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = '/'): string {
  const ending = run(user, ['--set-env', ...words, '--', '/probe'], { env, cwd });
  return /"WHICH=([^"]*)"/.exec(ending.stdout)?.[1] ?? ending.stderr;
}

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(`a name leads to the image in storage, with registry, port, path and tag${as}`, (t) => {
    const names = ['debian', 'debian+12', 'reg.example+5000%a%b_c+v1.2-x', 'deep%er'];
    const storage = makeStorage(t, user, names);
    const rows = { debian: 'debian', 'debian:12': 'debian+12', 'deep/er': 'deep%er' };
    for (const [name, file] of Object.entries(rows)) t.equal(which(user, ['-s', storage, name]), file, name);
    t.equal(which(user, ['--storage', storage, 'reg.example:5000/a/b_c:v1.2-x']), names[2]);
    t.end();
  });

  t.test(`a SquashFS file in storage is found by its name, with and without its ending${as}`, (t) => {
    if (noSquashfs) return skip(t, noSquashfs);
    const storage = makeStorage(t, user, ['alpine+3.sqfs', 'both', 'both.sqfs']);
    const file = join(storage, 'img/alpine+3.sqfs');
    for (const name of ['alpine:3', 'alpine:3.sqfs', file]) {
      t.equal(which(user, ['-s', storage, name]), 'alpine+3.sqfs', name);
    }
    t.equal(which(user, ['-s', storage, 'both']), 'both');
    failsWith(
      t,
      run(user, ['-w', '-s', storage, 'alpine:3', '--', 'true']),
      64,
      "in storage can't be written",
    );
    t.match(run(user, ['-W', '-s', storage, 'alpine:3', '--', '/probe', 'status', '3']), {
      status: 3,
      stderr: '',
    });
    t.end();
  });

  t.test(`storage is that of --storage, of CH_IMAGE_STORAGE, or of the user${as}`, (t) => {
    const one = makeStorage(t, user, ['one']);
    const two = makeStorage(t, user, ['two']);
    const name = `ch-run-ts-test.${process.pid}.${user.uid}`;
    const own = `/var/tmp/${name}.ch`;
    t.teardown(() => rmSync(own, { recursive: true, force: true }));
    cpSync(makeStorage(t, user, ['three']), own, { recursive: true });
    t.equal(which(user, ['one'], { CH_IMAGE_STORAGE: one }), 'one');
    t.equal(which(user, ['-s', two, 'two'], { CH_IMAGE_STORAGE: one }), 'two');
    t.match(which(user, ['-s', two, 'one'], { CH_IMAGE_STORAGE: one }), 'there is no image one');
    t.equal(which(user, ['three'], { USER: name }), 'three');
    t.equal(which(user, ['three'], { USER: name, CH_IMAGE_STORAGE: '' }), 'three');
    t.end();
  });

  t.test(`a name in storage wins over a path; what begins with . or / is a path${as}`, (t) => {
    const storage = makeStorage(t, user, ['same']);
    const place = scratch(t, user);
    renameSync(makeImage(t, { 'ch/environment': 'WHICH=path' }, user), join(place, 'same'));
    t.equal(which(user, ['-s', storage, 'same'], {}, place), 'same');
    t.equal(which(user, ['-s', storage, './same'], {}, place), 'path');
    t.equal(which(user, ['-s', storage, join(place, 'same')]), 'path');
    t.equal(which(user, ['-s', '/none', 'same'], {}, place), 'path');
    t.end();
  });

  t.test(`a remembered plan notices that a name is in storage now${as}`, (t) => {
    const storage = makeStorage(t, user, []);
    const place = scratch(t, user);
    renameSync(makeImage(t, { 'ch/environment': 'WHICH=path' }, user), join(place, 'same'));
    const env = { CH_IMAGE_STORAGE: storage, CH_RUN_MEMO_DIR: join(place, 'memo') };
    for (let twice = 0; twice < 2; twice++) t.equal(which(user, ['same'], env, place), 'path');
    renameSync(makeImage(t, { 'ch/environment': 'WHICH=stored' }, user), join(storage, 'img/same'));
    t.equal(which(user, ['same'], env, place), 'stored');
    t.equal(which(user, ['same'], { ...env, CH_IMAGE_STORAGE: '/none' }, place), 'path');
    t.end();
  });

  t.test(`names and variables that are not UTF-8 lead to their images${as}`, (t) => {
    const storage = `${makeStorage(t, user, ['debian'])}`;
    renameSync(join(storage, 'img'), join(storage, 'i'));
    mkdirSync(toBuffer(`${storage}/caf\udce9`));
    renameSync(join(storage, 'i'), toBuffer(`${storage}/caf\udce9/img`));
    const setting = `env=CH_IMAGE_STORAGE=${storage}/caf%E9`;
    for (const memo of ['made', 'found']) {
      const words = ['with', setting, '--', launcher, '-v', '--set-env', 'debian', '--', '/probe'];
      const ending = start(user, probe, words, { env: { CH_RUN_MEMO_DIR: join(storage, 'memo') } });
      t.match(ending, { status: 0, stdout: '"WHICH=debian"' }, ending.stderr);
      if (memo === 'found') t.match(ending.stderr, / remembered plan: /);
    }
    t.end();
  });

  t.test(`a directory in storage is run by its name only, and not with --write${as}`, (t) => {
    const storage = makeStorage(t, user, ['debian']);
    const attempt = (words: readonly string[], cwd = '/') => run(user, [...words, '--', 'true'], { cwd });
    const path = join(storage, 'img/debian');
    const message = 'is in storage, whose images are run by name';
    failsWith(t, attempt(['-s', storage, path]), 31, `${path} ${message}`, /--list/);
    failsWith(
      t,
      attempt(['-s', storage, './debian'], join(storage, 'img')),
      31,
      `./debian ${message}`,
      /--list/,
    );
    failsWith(
      t,
      attempt(['-w', '-s', storage, 'debian']),
      64,
      "the image debian in storage can't be written",
    );
    failsWith(t, attempt(['-s', storage, 'none']), 31, 'there is no image none', /--list/);
    t.end();
  });

  t.test(
    `with --unsafe, as ch-image has it, a directory in storage is written, and run by its path${as}`,
    (t) => {
      const storage = makeStorage(t, user, ['debian', 'tool.sqfs']);
      const path = join(storage, 'img/debian');
      const script = ['--', '/probe', 'create', '/written'];
      // the options of ch-image's RUN
      const words = ['-w', '-u0', '-g0', '--no-passwd', '--cd', '/', '--env-no-expand', '--unsafe', path];
      runQuietly(t, user, [...words, ...script]);
      t.ok(existsSync(join(path, 'written')));
      rmSync(join(path, 'written'));
      runQuietly(t, user, ['-w', '--unsafe', '-s', storage, 'debian', ...script]);
      t.ok(existsSync(join(path, 'written')));
      failsWith(
        t,
        run(user, ['-w', '--unsafe', '-s', storage, 'tool', '--', 'true']),
        64,
        "the image tool is a SquashFS file, which can't be written",
      );
      t.end();
    },
  );

  t.test(`--list shows name, kind, size and date, as text and as JSON${as}`, (t) => {
    const storage = makeStorage(t, user, ['reg+5000%a+tag', 'zoo']);
    const images = join(storage, 'img');
    writeFileSync(join(images, 'notes.txt'), 'no image');
    writeFileSync(join(images, 'tool.sqfs'), `hsqs${'x'.repeat(5000)}`);
    writeFileSync(join(images, 'zoo/large'), Buffer.alloc(3 << 20));
    const date = new Date('2024-02-03T04:05:06Z');
    for (const name of ['reg+5000%a+tag', 'tool.sqfs', 'zoo']) utimesSync(join(images, name), date, date);
    const text = run(user, ['-s', storage, '--list']);
    t.match(text, { status: 0, stderr: '' });
    const lines = text.stdout.trimEnd().split('\n');
    t.match(lines[0], /^reg:5000\/a:tag {2}directory {2} +[\d.]+ \w+ {2}2024-02-03 04:05$/);
    t.match(lines[1], /^tool {12}squashfs {3} +4\.9 KiB {2}2024-02-03 04:05$/);
    t.match(lines[2], /^zoo {13}directory {2} +[3-9]\.\d MiB {2}2024-02-03 04:05$/);
    t.equal(lines.length, 3);
    const listed = JSON.parse(run(user, ['--list=json'], { env: { CH_IMAGE_STORAGE: storage } }).stdout);
    t.match(listed, [
      { name: 'reg:5000/a:tag', kind: 'directory', date: '2024-02-03T04:05:06.000Z' },
      { name: 'tool', kind: 'squashfs', size: 5004, date: '2024-02-03T04:05:06.000Z' },
      { name: 'zoo', kind: 'directory' },
    ]);
    t.ok(listed[2].size > 3 << 20);
    t.end();
  });

  t.test(
    `storage that is empty or was never used lists nothing; what can not be listed is an error${as}`,
    (t) => {
      const list = (storage: string, format = '--list') => run(user, ['-s', storage, format]);
      const empty = makeStorage(t, user, []);
      for (const storage of [empty, scratch(t, user), '/none']) {
        t.match(list(storage), { status: 0, stdout: '', stderr: '' });
        t.match(list(storage, '--list=json'), { status: 0, stdout: '[]\n', stderr: '' });
      }
      const file = scratch(t, user);
      writeFileSync(join(file, 'img'), '');
      failsWith(t, list(file), 31, `can't list ${file}/img: opendir: not a directory`);
      t.end();
    },
  );

  t.test(`--list goes on where an image can't be read, vanishes, or is no plain file${as}`, (t) => {
    const storage = makeStorage(t, user, ['good', 'closed']);
    const images = join(storage, 'img');
    plant(images, { broken: { link: 'nowhere' }, link: { link: 'good' } }, user);
    writeFileSync(join(images, 'secret'), 'hsqs', { mode: 0 });
    chmodSync(join(images, 'closed'), 0);
    t.teardown(() => chmodSync(join(images, 'closed'), 0o755));
    const { status, stdout, stderr } = run(user, ['-s', storage, '--list']);
    t.same([status, stderr], [0, '']);
    t.match(stdout, /^closed +directory.*\ngood +directory.*\nlink +directory.*\n/);
    t.end();
  });
}
