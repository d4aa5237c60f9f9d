/** Bundles under podman, which takes the root file system of one. */
import { join } from 'node:path';
import t from 'tap';
import { noPodman, withPodman, withRootPodman } from '../helpers/podman.js';
import { noSquashfs, skip, stage } from '../helpers/support.js';

t.setTimeout(180_000);

for (const [who, inPodman] of [
  ['an ordinary user', withPodman],
  ['root', withRootPodman],
] as const)
  t.test(`podman --rootfs runs the root file system of a bundle, as ${who}`, (t) => {
    const obstacle = noPodman ?? noSquashfs;
    if (obstacle) return skip(t, obstacle);
    const found = inPodman(
      t,
      `
      echo content >rootfs/file
      ${join(stage, 'package/bin/ch-image-ts')} bundle -q ./rootfs job
      try run podman run --rm --network none --rootfs "$PWD/job/rootfs" /bin/busybox sh -c 'cat /file; id -u; ls -a / | wc -l'
      try written podman run --rm --network none --rootfs "$PWD/job/rootfs:O" /bin/busybox sh -c 'echo more >>/file && tail -n 1 /file'
      `,
    );
    t.match(found.get('run'), /^0 content 0 \d+$/);
    t.same(found.get('written'), '0 more');
    t.end();
  });
