/** What `docker save` and `podman save` write: manifest.json, configurations and layers in a tar archive. */
import { LaunchError } from '../base/errors.js';
import { checkPlatform, diffIdsOf, type Files, type LayeredImage } from './image.js';
import { asObject, asText, asTexts, parseArray, parseObject } from './json.js';

/** The image called `name` in the archive; without a name, the only one. */
export function readDockerArchive(
  files: Files,
  name: string | undefined,
  architecture: string,
): LayeredImage {
  const what = `manifest.json of ${files.name}`;
  const images = parseArray(files.read('manifest.json'), what).map((each) => asObject(each, what));
  const namesOf = (image: (typeof images)[number]) => asTexts(image.RepoTags, `RepoTags of ${what}`);
  const all = images.flatMap(namesOf);
  const found =
    name === undefined ? images : images.filter((image) => namesOf(image).includes(fullName(name, all)));
  const [image, another] = found;
  if (!image)
    throw new LaunchError(`${files.name} has no image ${name ?? ''}`.trimEnd(), {
      hint: `it has ${all.join(', ') || 'no names'}`,
    });
  if (another)
    throw new LaunchError(`${files.name} has ${images.length} images`, {
      hint: `say which: docker-archive:FILE:NAME:TAG; it has ${all.join(', ')}`,
    });
  const configName = asText(image.Config, `Config of ${what}`);
  const configDigest = checkConfig(files, configName);
  const text = files.read(configName);
  const config = parseObject(text, configName);
  checkPlatform(config, architecture, files.name);
  const names = asTexts(image.Layers, `Layers of ${what}`);
  const diffIds = diffIdsOf(config, names.length, configName);
  const layers = names.map((layer, at) => {
    const blob = files.find(layer);
    if (!blob) throw new LaunchError(`${files.name} has no ${layer}, which is layer ${at + 1} of the image`);
    return {
      ...blob,
      name: `layer ${at + 1} (${layer.slice(0, 80)})`,
      digest: '',
      diffId: diffIds[at] ?? '',
    };
  });
  return { layers, config: text, configDigest, names: namesOf(image) };
}

/** Without a tag: latest. Names may be shortened as those of docker.io are. */
function fullName(name: string, all: readonly string[]): string {
  const tagged = /:[^/]+$/.test(name) ? name : `${name}:latest`;
  return all.find((each) => each === tagged) ?? all.find((each) => each.endsWith(`/${tagged}`)) ?? tagged;
}

/** A configuration is called by its digest. */
function checkConfig(files: Files, name: string): string {
  const blob = files.find(name);
  const digest = blob ? files.digestOf(blob) : '';
  const [, wanted = digest] = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(name) ?? [];
  if (wanted !== digest)
    throw new LaunchError(`${name} in ${files.name} is damaged: its digest is sha256:${digest}`);
  return digest;
}
