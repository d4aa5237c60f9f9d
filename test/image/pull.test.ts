/** `ch-image-ts pull`, from registries that behave and that do not. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { archiveOf, ociLayout, sha256, twoLayers } from '../helpers/images.js';
import { eventually, launcher, start } from '../helpers/support.js';
import { makeTar } from '../helpers/tar.js';
import { makePlace, type Place, program, refuses, test } from './image.js';
import { runBeside, runImage, serveImage } from './registry.js';

t.setTimeout(300_000);

const noise = Buffer.from(
  Array.from(
    { length: 2_000_000 },
    (_, at) =>
      createHash('md5')
        .update(String(at >> 4))
        .digest()[at & 15] ?? 0,
  ),
);
const large = [...twoLayers, makeTar([{ name: 'noise', data: noise }])];
const plainLayer = 'application/vnd.oci.image.layer.v1.tar';
const blobsIn = ({ state }: Place) => readdirSync(join(state, 'blobs/sha256'));

test('an image is pulled, and runs by its name', async (t, user) => {
  const place = makePlace(t, user);
  const { repository, asked } = await serveImage(t);
  const pulled = await runImage(place, user, ['pull', `docker://${repository}:1.0`, 'solver']);
  t.match(pulled, { status: 0, stderr: '' });
  t.match(pulled.stdout, /^solver: \d.*, sha256:[0-9a-f]{12}\n$/);
  const words = ['-s', place.storage, 'solver', '--', '/probe', 'report'];
  t.equal(start(user, launcher, words).status, 0);
  t.equal(asked.filter((each) => each.startsWith('GET blobs')).length, 3, 'the configuration and two layers');
  const inspected = JSON.parse(place.image(['inspect', 'solver']).stdout);
  t.match(inspected, {
    source: `docker://${repository}:1.0`,
    format: 'registry',
    manifestDigest: /^sha256:/,
  });

  const before = asked.length;
  const again = await runImage(place, user, ['pull', `${repository}:1.0`, 'solver']);
  t.match(again, { status: 0, stderr: '', stdout: /^solver: is up to date, / });
  t.ok(asked.length - before <= 2, 'for what is there already the manifest is asked for, and nothing else');

  const other = await runImage(place, user, ['pull', `${repository}:1.0`, 'other']);
  t.match(other, { status: 0, stderr: '' });
  t.equal(asked.filter((each) => each.startsWith('GET blobs')).length, 3, 'blobs are fetched once');
});

test('what would be fetched can be asked before', async (t, user) => {
  const place = makePlace(t, user);
  const { repository, asked } = await serveImage(t);
  const { status, stdout } = await runImage(place, user, ['pull', '--dry-run', `${repository}:1.0`]);
  t.equal(status, 0);
  t.equal(stdout.match(/to be fetched/g)?.length, 3);
  t.notOk(asked.some((each) => each.includes('blobs')));
  t.match(await runImage(place, user, ['tags', repository]), { status: 0, stdout: '0.9\n1.0\n' });
  t.match(await runImage(place, user, ['tags', '--json', repository]), { stdout: '["0.9","1.0"]\n' });
});

test('a connection that breaks off is taken up where it was', async (t, user) => {
  const place = makePlace(t, user);
  let cuts = 0;
  const top = large[2] ?? Buffer.of();
  const { repository, headers } = await serveImage(
    t,
    { layers: large, compress: (same) => same, layerType: plainLayer },
    (request, response) => {
      if (!request.url?.includes(sha256(top)) || request.headers.range || cuts > 0) return false;
      cuts++;
      response.writeHead(200, { 'content-length': 100_000_000, etag: '"e"' });
      response.write(top.subarray(0, 500_000), () => response.destroy());
      return true;
    },
  );
  const ending = await runImage(place, user, ['pull', `${repository}:1.0`, 'solver']);
  t.equal(ending.status, 0, ending.stderr);
  t.match(ending.stderr, /warning: can't get layer \d .*; trying again\n/);
  t.ok(headers.some(({ range }) => /^bytes=[1-9]\d*-$/.test(range ?? '')));
});

test('a pull that is killed leaves nothing broken, and the next goes on from its bytes', async (t, user) => {
  const place = makePlace(t, user);
  let stuck = true;
  const image = {
    layers: large,
    compress: (same: Buffer) => same,
    layerType: plainLayer,
  };
  let kill: (signal: NodeJS.Signals) => void = () => undefined;
  const { repository, headers } = await serveImage(t, image, (request, response) => {
    if (
      !stuck ||
      !request.url?.includes(
        createHash('sha256')
          .update(large[2] ?? '')
          .digest('hex'),
      )
    )
      return false;
    response.writeHead(200, { 'content-length': large[2]?.length });
    response.write(large[2]?.subarray(0, 1_000_000));
    const sizes = () =>
      blobsIn(place)
        .filter((name) => name.includes('part'))
        .map(
          (name) => statSync(join(place.state, 'blobs/sha256', name), { throwIfNoEntry: false })?.size ?? 0,
        );
    // those of the process, the image and this blob: the others have come
    const leases = () => readdirSync(join(place.state, 'leases')).length;
    const isHalf = () => sizes().some((size) => size >= 500_000) && leases() === 3;
    void eventually(isHalf).then(() => kill('SIGKILL'));
    return true;
  });
  const killed = await runImage(place, user, ['pull', `${repository}:1.0`, 'solver'], {}, (end) => {
    kill = end;
  });
  t.equal(killed.signal, 'SIGKILL');
  t.notOk(place.stored().some((name) => !name.startsWith('tmp/')));
  stuck = false;
  t.match(await runImage(place, user, ['pull', `${repository}:1.0`, 'solver']), { status: 0, stderr: '' });
  t.ok(headers.some(({ range }) => Number(range?.slice(6, -1)) >= 500_000));
  t.notOk(blobsIn(place).some((name) => name.includes('part')));
  t.same(readdirSync(join(place.state, 'leases')), []);
});

test('that something is tried again is said before it is', async (t, user) => {
  const place = makePlace(t, user);
  let said = () => '';
  const { repository } = await serveImage(t, {}, (request, response) => {
    if (!request.url?.includes('blobs') || said().includes('trying again')) return false;
    response.writeHead(503).end();
    return true;
  });
  const pulled = await runImage(place, user, ['pull', `${repository}:1.0`, 'solver'], {}, (_, found) => {
    said = found;
  });
  t.match(pulled, { status: 0, stderr: /warning: can't get .*; trying again\n/ });
});

test('an image is made of what has come, while the rest arrives', async (t, user) => {
  const place = makePlace(t, user);
  const top = large[2] ?? Buffer.of();
  const image = { layers: large, compress: (same: Buffer) => same, layerType: plainLayer };
  const drafts = () =>
    readdirSync(join(place.state, 'tmp')).map(
      (name) => statSync(join(place.state, 'tmp', name), { throwIfNoEntry: false })?.size ?? 0,
    );
  let begun = false;
  const { repository } = await serveImage(t, image, (request, response) => {
    if (!request.url?.includes(sha256(top))) return false;
    response.writeHead(200, { 'content-length': top.length });
    response.write(top.subarray(0, -1));
    void eventually(() => drafts().some((size) => size > 200_000)).then(() => {
      begun = true;
      response.end(top.subarray(-1));
    });
    return true;
  });
  t.match(await runImage(place, user, ['pull', `${repository}:1.0`, 'solver']), { status: 0, stderr: '' });
  t.ok(begun);
  t.same(place.stored(), ['img/solver.sqfs', 'records/solver.json']);
  t.equal(start(user, launcher, ['-s', place.storage, 'solver', '--', '/probe', 'status', '7']).status, 7);
  const local = makePlace(t, user);
  writeFileSync(join(local.directory, 'file.tar'), archiveOf(ociLayout(image)));
  t.equal(local.image(['import', 'file.tar', 'solver']).status, 0);
  const bytes = ({ storage }: Place) => readFileSync(join(storage, 'img/solver.sqfs'));
  t.ok(bytes(place).equals(bytes(local)), 'the same as of layers that are there');
});

test('eight pulls of one image at once make one transfer and one conversion', async (t, user) => {
  const place = makePlace(t, user);
  const { repository, asked } = await serveImage(t, { layers: large });
  const endings = await Promise.all(
    Array.from({ length: 8 }, () => runImage(place, user, ['pull', '-q', `${repository}:1.0`, 'solver'])),
  );
  t.same(
    endings.map(({ status, stderr }) => ({ status, stderr })),
    Array(8).fill({ status: 0, stderr: '' }),
  );
  t.equal(asked.filter((each) => each.startsWith('GET blobs')).length, 4);
  t.same(place.stored(), ['img/solver.sqfs', 'records/solver.json']);
});

test('pulls at once need no file locks', async (t, user) => {
  const place = makePlace(t, user);
  const { repository, asked } = await serveImage(t, { layers: large });
  const trace = ['-f', '-e', 'trace=flock,fcntl', '-e', 'inject=flock:error=ENOLCK'];
  const logs = [1, 2].map((number) => join(place.directory, `calls-${number}`));
  for (const ending of await Promise.all(
    logs.map((log) =>
      runBeside(place, user, [
        ...['strace', ...trace, '-o', log],
        ...[program, 'pull', '-q', `${repository}:1.0`, 'solver'],
      ]),
    ),
  ))
    t.match(ending, { status: 0, stderr: '' });
  t.equal(asked.filter((each) => each.startsWith('GET blobs')).length, 4);
  for (const log of logs) {
    const calls = readFileSync(log, 'utf8');
    t.match(calls, /fcntl\(/);
    t.notMatch(calls, /flock\(|F_(OFD_)?SETLK/);
  }
});

test('a blob that is not what the manifest says is refused, and got again by the next pull', async (t, user) => {
  for (const change of [
    (body: Buffer) => Buffer.concat([body.subarray(1), Buffer.from('x')]),
    (body: Buffer) => Buffer.concat([body, body]),
    (body: Buffer) => body.subarray(5),
  ]) {
    const place = makePlace(t, user);
    let wrong = true;
    const layers = [twoLayers[0] ?? Buffer.of()];
    const { repository } = await serveImage(
      t,
      { layers, compress: (same) => same, layerType: 'application/vnd.oci.image.layer.v1.tar' },
      (request, response) => {
        if (
          !wrong ||
          !request.url?.includes(
            createHash('sha256')
              .update(layers[0] ?? '')
              .digest('hex'),
          )
        )
          return false;
        response.end(change(layers[0] ?? Buffer.of()));
        return true;
      },
    );
    const ending = await runImage(place, user, ['pull', `${repository}:1.0`, 'solver']);
    t.equal(ending.status, 31);
    t.match(
      ending.stderr,
      /layer 1 .* (has \d+ bytes, not \d+|is not what the manifest says)|can't get layer 1 .* larger than \d+ bytes/,
    );
    t.same(place.stored(), []);
    wrong = false;
    t.match(await runImage(place, user, ['pull', `${repository}:1.0`, 'solver']), { status: 0, stderr: '' });
  }
});

test('what is not there is told, with what there is', async (t, user) => {
  const place = makePlace(t, user);
  const { repository } = await serveImage(t);
  refuses(
    t,
    (await runImage(place, user, ['pull', `${repository}:1.1`])) as never,
    /there is none: manifest unknown \(status 404\)/,
    /hint: it has 1\.0, 0\.9$/,
  );
  refuses(
    t,
    (await runImage(place, user, ['pull', '--arch=riscv64', `${repository}:1.0`])) as never,
    /no image for linux\/riscv64/,
    /it has linux\//,
  );
  const away = await runImage(place, user, ['pull', 'localhost:1/x']);
  t.match(away, {
    status: 31,
    stderr: /warning: .*; trying again\n.*error: can't get localhost:1\/x .*: failed to connect/,
  });
  refuses(
    t,
    (await runImage(place, user, ['pull', 'Debian'])) as never,
    /'Debian' is no image reference: 'Debian' has capital letters/,
    undefined,
    64,
  );
});

test('access by a token, with the credentials of a file or a helper', async (t, user) => {
  const place = makePlace(t, user);
  const seen: (string | undefined)[] = [];
  let port = '';
  const { repository } = await serveImage(t, {}, (request, response) => {
    if (request.url?.startsWith('/token')) {
      seen.push(request.headers.authorization);
      response.end('{"token":"T"}');
      return true;
    }
    if (request.headers.authorization === 'Bearer T') return false;
    response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${port}/token",service="s"` }).end();
    return true;
  });
  port = repository.split('/')[0] ?? '';
  const file = join(place.directory, 'auth.json');
  const basic = Buffer.from('u:p:q').toString('base64');
  writeFileSync(file, JSON.stringify({ auths: { [port]: { auth: basic } } }), { mode: 0o644 });
  t.match(await runImage(place, user, ['pull', '--authfile', file, `${repository}:1.0`, 'a']), {
    status: 0,
    stderr: '',
  });
  const helper = join(place.directory, 'docker-credential-test');
  writeFileSync(
    helper,
    '#!/bin/sh\n[ "$1" = get ] && cat >"$0.asked" && echo \'{"Username":"h","Secret":"s"}\'\n',
    { mode: 0o755 },
  );
  writeFileSync(file, JSON.stringify({ credHelpers: { [port]: 'test' } }), { mode: 0o644 });
  const env = { PATH: `${place.directory}:/usr/bin:/bin` };
  t.match(await runImage(place, user, ['pull', '--authfile', file, `${repository}:1.0`, 'b'], env), {
    status: 0,
    stderr: '',
  });
  t.equal(readFileSync(`${helper}.asked`, 'utf8'), port);
  t.same(seen, [`Basic ${basic}`, `Basic ${Buffer.from('h:s').toString('base64')}`]);
});

test('prune removes blobs that no image needs, and what was left, once they are a day old', async (t, user) => {
  const place = makePlace(t, user);
  const [kept, gone] = [await serveImage(t), await serveImage(t, { layers: large.slice(2) })];
  for (const [{ repository }, name] of [
    [kept, 'kept'],
    [gone, 'gone'],
  ] as const)
    t.match(await runImage(place, user, ['pull', `${repository}:1.0`, name]), { status: 0 });
  t.equal(place.image(['delete', 'gone']).status, 0);
  const directory = join(place.state, 'blobs/sha256');
  writeFileSync(join(directory, 'x.part.1.1'), 'left');
  const before = blobsIn(place);
  t.equal(place.image(['prune']).status, 0);
  t.same(blobsIn(place), before, 'what is younger may be in use');
  for (const name of before) utimesSync(join(directory, name), 0, 0);
  t.equal(place.image(['prune']).status, 0);
  // manifest, configuration, two layers
  t.equal(blobsIn(place).length, 4);
  const requests = kept.asked.length;
  t.match(await runImage(place, user, ['pull', `${kept.repository}:1.0`, 'again']), { status: 0 });
  t.notOk(kept.asked.slice(requests).some((each) => each.includes('blobs')));
});
