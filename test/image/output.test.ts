/** What `ch-image-ts convert` writes besides plain files: compressed archives, standard output, SIF. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { archiveOf, dockerFiles } from '../helpers/images.js';
import { run, start, type User } from '../helpers/support.js';
import { makePlace, type Place, program, refuses, test } from './image.js';

t.setTimeout(300_000);

function placeWithImage(t: Test, user: User): Place {
  const place = makePlace(t, user);
  writeFileSync(join(place.directory, 'in'), archiveOf(dockerFiles()));
  return place;
}

/** The file that is written. */
function convert(t: Test, place: Place, out: string, ...options: readonly string[]): Buffer {
  const { status, stderr } = place.image(['convert', '-f', ...options, 'in', out]);
  t.same({ status, stderr }, { status: 0, stderr: '' }, out);
  const [, name = out] = /^[a-z-]+:([^:]+)/.exec(out) ?? [];
  return readFileSync(join(place.directory, name));
}

const plain = (tool: string, bytes: Buffer) =>
  execFileSync(tool, ['-dc'], { input: bytes, maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'inherit'] });

/** What a shell's pipe makes of standard output. */
function pipe(user: User, place: Place, script: string) {
  const env = { CH_IMAGE_STORAGE: place.storage };
  return start(user, 'bash', ['-o', 'pipefail', '-c', script], { cwd: place.directory, env });
}

test('archives are compressed as their ending says, always to the same bytes', (t, user) => {
  const place = placeWithImage(t, user);
  const tar = convert(t, place, 'out.tar');
  for (const [name, tool] of [
    ['out.tar.gz', 'gzip'],
    ['out.tgz', 'gzip'],
    ['out.tar.zst', 'zstd'],
    ['tar:any.zst', 'zstd'],
  ] as const) {
    const one = convert(t, place, name, '-j', '1');
    t.ok(plain(tool, one).equals(tar), name);
    t.ok(convert(t, place, name, '-j', '3').equals(one), `${name} with other threads`);
  }
  t.ok(
    convert(t, place, 'out.tar.zst', '--level=19').length <
      convert(t, place, 'out.tar.zst', '--level=1').length,
  );
  for (const out of ['docker-archive:d.tar.gz:tool:2', 'oci-archive:o.tar.zst:2']) {
    convert(t, place, out);
    t.equal(place.image(['import', out, out.slice(0, 3)]).status, 0);
    t.equal(run(user, ['-s', place.storage, out.slice(0, 3), '--', '/probe', 'status', '7']).status, 7);
  }
  refuses(
    t,
    place.image(['convert', 'in', 'x.tar.xz']),
    /archives are compressed with gzip or zstd/,
    /\.tar\.gz/,
  );
});

test('standard output is a tar archive, or what a transport says', (t, user) => {
  const place = placeWithImage(t, user);
  const listed = pipe(user, place, `${program} convert in - | tar t`);
  t.same([listed.status, listed.stderr], [0, '']);
  t.ok(
    listed.stdout.split('\n').includes('./probe') || listed.stdout.split('\n').includes('probe'),
    listed.stdout,
  );
  const piped = pipe(user, place, `${program} convert in docker-archive:-:tool:2 | ${program} import -`);
  t.match(piped.stdout, /^tool:2: .* from docker-archive\n$/);
  t.equal(pipe(user, place, `${program} convert in oci-archive:- | ${program} convert - other/`).status, 0);
  const made = convert(t, place, 'out.sqfs');
  t.equal(pipe(user, place, `${program} convert in squashfs:- > piped.sqfs`).status, 0);
  t.ok(readFileSync(join(place.directory, 'piped.sqfs')).equals(made));
  t.same(place.stored(), ['img/tool+2.sqfs', 'records/tool+2.json'], 'nothing else is left in storage');
});

test('standard output that can’t take it is an error, and nothing is left', (t, user) => {
  const place = placeWithImage(t, user);
  const terminal = start(user, 'script', ['-qec', `${program} convert in -`, '/dev/null'], {
    cwd: place.directory,
  });
  t.match(terminal.stdout, /can't write an image to a terminal/);
  t.equal(terminal.status, 64);
  refuses(
    t,
    place.image(['convert', 'in', 'oci:-']),
    /can't write a directory to standard output/,
    /--help/,
    64,
  );
  const full = pipe(user, place, `${program} convert in - > /dev/full`);
  t.equal(full.status, 31);
  t.match(full.stderr, /can't write the archive: write: no space left/);
  t.same(place.stored(), []);
  t.same(readdirSync(place.directory).sort(), ['in', 'storage']);
});

test('a SIF has the image as its primary system partition, and is always the same', (t, user) => {
  const place = placeWithImage(t, user);
  const sif = convert(t, place, 'out.sif');
  const squashfs = convert(t, place, 'out.sqfs');
  t.ok(sif.subarray(32768).equals(squashfs));
  t.ok(convert(t, place, 'sif:other').equals(sif));
  t.ok(statSync(join(place.directory, 'out.sif')).mode & 0o100, 'the kernel may run it');
  t.equal(run(user, [join(place.directory, 'out.sif'), '--', '/probe', 'status', '7']).status, 7);
  t.ok(convert(t, place, 'again.sqfs').equals(squashfs));
  const int = (at: number) => Number(sif.readBigInt64LE(at));
  const text = (at: number, size: number) => sif.toString('latin1', at, at + size).replace(/\0+$/, '');
  const machine = process.arch === 'arm64' ? '04' : '02';
  t.same(
    [text(0, 32), text(32, 10), text(42, 3), text(45, 3)],
    ['#!/usr/bin/env run-singularity\n', 'SIF_MAGIC', '01', machine],
  );
  // descriptors: free, all, where they are and their size; data: where they are and their size
  t.same([80, 88, 96, 104, 112, 120].map(int), [47, 48, 4096, 48 * 585, 32176, 592 + squashfs.length]);
  const at = 4096;
  t.same(
    [sif.readInt32LE(at), sif[at + 4], sif.readUInt32LE(at + 5), sif.readUInt32LE(at + 9)],
    [0x4004, 1, 1, 0xf0000001],
  );
  t.same(
    [17, 25, 33].map((field) => int(at + field)),
    [32768, squashfs.length, 592 + squashfs.length],
  );
  t.same([sif.readInt32LE(at + 201), sif.readInt32LE(at + 205), text(at + 209, 3)], [1, 2, machine]);
  const other = process.arch === 'arm64' ? 'amd64' : 'arm64';
  t.equal(place.image(['convert', '--arch', other, 'out.sqfs', 'other.sif']).status, 0);
  t.match(
    run(user, [join(place.directory, 'other.sif'), '--', '/probe']).stderr,
    new RegExp(`a SIF for ${other}`),
  );
});
