/** What a command reads from a SquashFS image is remembered, and read ahead the next time; nothing depends on it. */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  eventually,
  isRoot,
  noSquashfs,
  ordinaryUser,
  run,
  scratch,
  skip,
  squashed,
  type User,
  users,
} from '../helpers/support.js';
import { processesOf } from './servers.js';

t.setTimeout(120_000);

/** An image and a memory of the test's own. */
interface Room {
  readonly user: User;
  readonly file: string;
  readonly memory: string;
}

function makeRoom(t: Test, user: User): Room {
  const place = scratch(t, user);
  const file = join(place, 'img.sqfs');
  copyFileSync(squashed, file);
  return { user, file, memory: join(place, 'memo') };
}

const records = ({ memory }: Room) => readdirSync(memory).filter((name) => name.endsWith('.reads'));
const path = (room: Room) => join(room.memory, records(room)[0] ?? 'no record');

const isNew = 'no reads of this command are remembered: they are recorded';
const isKnown = /^remembered reads: \d+ blocks$/;

/** Runs a command; what -v says of reads, once its server has ended and saved what it recorded. */
async function story(room: Room, command: readonly string[], options: readonly string[] = [], env = {}) {
  const words = ['-v', '--no-share', ...options, room.file, '--', ...command];
  const { status, stderr } = run(room.user, words, { env: { CH_RUN_MEMO_DIR: room.memory, ...env } });
  if (status !== 0) return `status ${status}: ${stderr}`;
  const isOver = () => processesOf(room.file).length === 0 && !readdirSync(room.memory).some(isDraft);
  if (!(await eventually(isOver))) return 'the server has not ended';
  const line = stderr
    .split('\n')
    .find((each) => / ms {2}(no reads of|remembered reads|reads that came)/.test(each));
  return line?.replace(/^.* ms {2}/, '') ?? 'nothing';
}
const isDraft = (name: string) => name.includes('.reads.');

/** Until the second process of the server has written the record. */
const recorded = (room: Room, count = 1) => eventually(() => records(room).length === count);

function test(title: string, body: (t: Test, room: Room) => Promise<unknown>): void {
  for (const user of users) {
    t.test(`${title}, as ${user.name}`, async (t) => {
      if (noSquashfs) skip(t, noSquashfs);
      else await body(t, makeRoom(t, user));
    });
  }
}

test('what a command reads is remembered for its user alone, and read ahead the next time', async (t, room) => {
  t.equal(await story(room, ['ls', '/bin']), isNew);
  t.ok(await recorded(room));
  const { mode, size, uid, mtimeNs } = statSync(path(room), { bigint: true });
  t.match([mode & 0o777n, uid], [0o600n, BigInt(room.user.uid)]);
  t.ok(size < 65_536n);
  t.match(await story(room, ['ls', '/bin']), isKnown);
  t.equal(statSync(path(room), { bigint: true }).mtimeNs, mtimeNs, 'the same again is not written again');
});

test('--doctor says of how many commands reads are remembered', async (t, room) => {
  const { file, memory } = room;
  const count = () => {
    const { stdout } = run(room.user, ['--doctor'], { env: { CH_RUN_MEMO_DIR: memory } });
    return /remembered reads of SquashFS images +(.*)/.exec(stdout)?.[1];
  };
  t.equal(count(), 'none');
  run(room.user, ['--no-share', file, '--', 'true'], { env: { CH_RUN_MEMO_DIR: memory } });
  t.ok(await recorded(room));
  t.equal(count(), 'of 1 commands; -v says whether they are used');
});

test('a record is found by image, program and script, not by other arguments', async (t, room) => {
  await story(room, ['sh', '-c', 'true']);
  t.ok(await recorded(room));
  t.match(await story(room, ['sh', '-c', ': more']), isKnown, 'a piece of a program is an argument');
  t.equal(await story(room, ['sh', '/dev/null']), isNew, 'another script');
  t.ok(await recorded(room, 2));
  t.match(await story(room, ['sh', '-x', '/dev/null', 'more']), isKnown);
  t.equal(await story(room, ['true']), isNew, 'another program');
});

test('a copy of an image has its record, a different image has not', async (t, room) => {
  await story(room, ['true']);
  t.ok(await recorded(room));
  const copy = { ...room, file: join(room.file, '../copy.sqfs') };
  copyFileSync(room.file, copy.file);
  t.match(await story(copy, ['true']), isKnown);
  const bytes = readFileSync(copy.file);
  bytes.writeUInt32LE(bytes.readUInt32LE(8) + 1, 8); // when it was made
  rmSync(copy.file);
  writeFileSync(copy.file, bytes);
  t.equal(await story(copy, ['true']), isNew);
});

test('a shared server saves what its first command read', async (t, room) => {
  const words = [room.file, '--', 'ls', '/bin'];
  run(room.user, words, { env: { CH_RUN_MEMO_DIR: room.memory } });
  t.ok(await recorded(room));
});

test('nothing is recorded or read ahead if that is not wanted', async (t, room) => {
  t.equal(await story(room, ['true'], ['--no-read-ahead']), 'nothing');
  t.same(records(room), []);
  t.equal(await story(room, ['true']), isNew);
  t.ok(await recorded(room));
  t.equal(await story(room, ['true'], ['--no-read-ahead']), 'nothing');
  t.equal(await story(room, ['true'], ['--no-memo']), 'nothing');
  t.equal(await story(room, ['true'], [], { CH_RUN_NO_READ_AHEAD: 'yes' }), 'nothing');
});

test('--memo-clear removes records', async (t, room) => {
  await story(room, ['true']);
  t.ok(await recorded(room));
  const { stdout } = run(room.user, ['--memo-clear'], { env: { CH_RUN_MEMO_DIR: room.memory } });
  t.equal(stdout, 'remembered plans forgotten: 1; records of reads: 1\n');
  t.same(readdirSync(room.memory), []);
});

test('a record that is damaged, or could be another’s, is not used, and the command runs', async (t, room) => {
  await story(room, ['true']);
  t.ok(await recorded(room));
  const record = path(room);
  const sound = readFileSync(record);
  const flipped = Buffer.from(sound);
  flipped[sound.length - 1] = (sound.at(-1) ?? 0) ^ 1;
  const wrong: Record<string, () => void> = {
    empty: () => writeFileSync(record, ''),
    'cut short': () => writeFileSync(record, sound.subarray(0, 50)),
    'one bit is different': () => writeFileSync(record, flipped),
    'far too long': () => writeFileSync(record, Buffer.alloc(1 << 20, sound)),
    'readable for others': () => chmodSync(record, 0o644),
    'a link to one': () => {
      renameSync(record, `${room.file}.kept`);
      symlinkSync(`${room.file}.kept`, record);
    },
    'a directory': () => {
      rmSync(record);
      mkdirSync(record);
    },
    ...(isRoot
      ? {
          'of another user': () =>
            room.user === ordinaryUser ? chownSync(record, 0, 0) : chownSync(record, ordinaryUser.uid, 0),
        }
      : {}),
  };
  for (const [title, make] of Object.entries(wrong)) {
    rmSync(record, { recursive: true, force: true });
    writeFileSync(record, sound, { mode: 0o600 });
    if (isRoot) chownSync(record, room.user.uid, room.user.gid);
    make();
    t.equal(await story(room, ['true']), isNew, title);
  }
});

/** A record as another program would write it: blocks of data by position and word, or of metadata by position. */
function makeRecord(sound: Buffer, blocks: readonly (readonly [bigint, number?])[]): Buffer {
  const number = (value: bigint): number[] =>
    value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...number(value >> 7n)];
  const next = [0n, 0n];
  const body = Buffer.from(
    blocks.flatMap(([position, word]) => {
      const kind = word === undefined ? 1 : 0;
      const difference = BigInt.asIntN(64, position - (next[kind] ?? 0n));
      next[kind] = position + BigInt((word ?? 0) & 0xffffff);
      const folded = BigInt.asUintN(64, (difference << 1n) ^ (difference >> 63n));
      const packed = BigInt.asUintN(64, folded << 1n) | BigInt(kind);
      return [...number(packed), ...(word === undefined ? [] : number(BigInt(word)))];
    }),
  );
  let sum = 0xcbf29ce484222325n;
  for (const byte of body) sum = BigInt.asUintN(64, (sum ^ BigInt(byte)) * 0x100000001b3n);
  const head = Buffer.from(sound.subarray(0, 40));
  head.writeBigUInt64LE(sum, 24);
  head.writeUInt32LE(blocks.length, 32);
  head.writeUInt32LE(body.length, 36);
  return Buffer.concat([head, body]);
}

test('a record made by an attacker reads nothing outside of the image, and changes no file', async (t, room) => {
  await story(room, ['grep', '-c', 'a', '/probe']);
  t.ok(await recorded(room));
  const record = path(room);
  const sound = readFileSync(record);
  const size = BigInt(statSync(room.file).size);
  const show = () =>
    run(room.user, ['--no-share', room.file, '--', 'grep', '-c', 'a', '/probe'], {
      env: { CH_RUN_MEMO_DIR: room.memory },
    });
  const { stdout } = show();
  const far = [0n, 1n, 95n, 96n, size - 1n, size, size + 1n, 1n << 40n, (1n << 61n) - 1n];
  const words = [0, 1, 100, 0xfffff, 0x100000, 0x100_0001, 0xffffff, 0xffffffff];
  const all = far.flatMap(
    (position) => [[position], ...words.map((word) => [position, word] as const)] as const,
  );
  for (const blocks of [
    all,
    all.toReversed(),
    Array.from({ length: 9000 }, () => [100n, 0x100_0fff] as const),
  ]) {
    writeFileSync(record, makeRecord(sound, blocks as readonly (readonly [bigint, number?])[]));
    t.match(await story(room, ['grep', '-c', 'a', '/probe']), isKnown, 'it is well formed');
    writeFileSync(record, makeRecord(sound, blocks as readonly (readonly [bigint, number?])[]));
    t.match(show(), { status: 0, stdout, stderr: '' });
    await eventually(() => processesOf(room.file).length === 0);
  }
});

test('records appended to an image are used by those who have none', async (t, room) => {
  await story(room, ['ls', '/bin']);
  t.ok(await recorded(room));
  const record = readFileSync(path(room));
  const shipped = { ...room, file: join(room.file, '../shipped.sqfs'), memory: `${room.memory}-of-another` };
  const image = readFileSync(room.file);
  const came = /^reads that came with the image: \d+ blocks$/;
  for (const [title, bytes, expected] of [
    ['one', [image, record], came],
    [
      'after others',
      [image, Buffer.alloc(100, 'chreads1'), makeRecord(record, [[100n]]).subarray(1), record],
      came,
    ],
    ['damaged', [image, record.subarray(0, -1), Buffer.alloc(8192)], isNew],
    ['of nobody', [image, Buffer.alloc(100_000, 'chreads1')], isNew],
  ] as const) {
    rmSync(shipped.memory, { recursive: true, force: true });
    rmSync(shipped.file, { force: true });
    writeFileSync(shipped.file, Buffer.concat(bytes));
    t.match(await story(shipped, ['ls', '/bin']), expected, title);
    t.equal(await story(shipped, ['ls', '/bin'], ['--no-read-ahead']), 'nothing');
  }
});

test('of many records, the least recently used are removed', async (t, room) => {
  mkdirSync(room.memory, { mode: 0o700 });
  if (isRoot) chownSync(room.memory, room.user.uid, room.user.gid);
  for (let each = 0; each < 300; each++)
    writeFileSync(join(room.memory, `${String(each).padStart(16, '0')}.reads`), '', { mode: 0o600 });
  await story(room, ['true']);
  t.ok(await recorded(room, 193));
  t.match(await story(room, ['true']), isKnown);
});
