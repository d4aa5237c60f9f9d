/** `ch-image-ts import IN [NAME]` */

import { usageError } from '../base/errors.js';
import { basename, dirname } from '../base/paths.js';
import { visible } from '../base/visible.js';
import { buildStored, workOf } from './build.js';
import { draftPath } from './drafts.js';
import { doubtRoom } from './room.js';
import { openSource, type Source, splitTransport } from './source.js';
import { checkFree, checkName, describeStored, imagesOf, openStorage, place, toolVersion } from './stored.js';
import { say, type Verb, warn } from './verb.js';

export const importImage: Verb = async ([operand = '', given], values, host) => {
  const storage = openStorage(values.storage, host);
  if (given !== undefined) checkFree(storage, checkName(given), values.force === true);
  const source = openSource(
    {
      operand,
      architecture: values.arch ?? host.architecture(),
      scratch: () => `${storage}/tmp`,
      mostBytes: workOf(values).mostBytes,
    },
    host,
  );
  const name = checkName(given ?? nameOf(operand, source));
  checkFree(storage, name, values.force === true);
  await warn(doubtRoom(dirname(imagesOf(storage)), source), values);
  const draft = draftPath(storage, name);
  const { diffIds, known = 0, warnings } = buildStored(source, draft, values, storage);
  const layered = source.kind === 'layers' ? source : undefined;
  place(storage, draft, {
    name,
    source: operand,
    format: source.format,
    date: new Date().toISOString(),
    ...(layered?.manifestDigest ? { manifestDigest: `sha256:${layered.manifestDigest}` } : {}),
    ...(layered?.configDigest ? { configDigest: `sha256:${layered.configDigest}` } : {}),
    diffIds: diffIds.map((id) => `sha256:${id}`),
    tool: toolVersion(),
    ...(layered?.config ? { config: JSON.parse(layered.config) } : {}),
  });
  await warn(warnings, values);
  const saved = known > 0 ? `; ${known} of ${diffIds.length} layers are those of other images` : '';
  say(`${visible(name)}: ${describeStored(storage, name)}, from ${source.format}${saved}`, values);
};

/** What the source calls it, else its file name without what says the format. */
function nameOf(operand: string, source: Source): string {
  if (source.kind === 'layers' && source.names[0]) return source.names[0];
  if (operand === '-') throw usageError('expected a NAME for what comes from standard input');
  const file = basename(splitTransport(operand).rest);
  return file.replace(/(\.(tar|gz|tgz|zst|xz|txz|bz2|sif|simg|sqfs|squashfs|oci))+$/, '');
}
