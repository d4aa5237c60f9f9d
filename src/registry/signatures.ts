/**
 * Signatures by cosign (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md): an image beside the one
 * that is signed, whose layers are the texts that were signed.
 */
import { LaunchError } from '../base/errors.js';
import { asArray, asObject, parseObject, textIn } from '../formats/json.js';
import { act } from '../host/act.js';
import type { Registry } from './client.js';
import { Refusal } from './refusals.js';
import { toDescriptor } from './remote-image.js';

const payloadType = 'application/vnd.dev.cosign.simplesigning.v1+json';
const signatureKey = 'dev.cosignproject.cosign/signature';
const mostSignatures = 50;
const largestManifest = 4 << 20;
const largestPayload = 64 << 10;

export interface Signature {
  /** What was signed, byte for byte. */
  readonly payload: string;
  /** In base64. */
  readonly signature: string;
}

/** What a payload says, once its signature is right. */
export interface Claim {
  /** `sha256:…` of the manifest or index. */
  readonly digest: string;
  /** What the signer called the image; empty if it was not said. */
  readonly reference: string;
}

/** A public key, and where it comes from, for messages. */
export interface PublicKey {
  readonly pem: string;
  readonly name: string;
}

export type Verify = (key: PublicKey, signature: Signature) => boolean;

export const verifySignature: Verify = ({ pem, name }, { payload, signature }) => {
  try {
    return act('verify-signature', pem, payload, signature)[0] === 'yes';
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    throw new LaunchError(
      `can't use the key ${name}: ${error.message}`,
      error.hint ? { hint: error.hint } : {},
    );
  }
};

/** All that the registry has for a manifest of this digest: nobody has looked yet who made them. */
export function findSignatures(registry: Registry, digest: string): readonly Signature[] {
  const what = `the signatures of sha256:${digest.slice(0, 12)}`;
  let text: string;
  try {
    const path = `manifests/sha256-${digest}.sig`;
    const headers = { Accept: 'application/vnd.oci.image.manifest.v1+json' };
    text = registry.ask({ path, what, limit: largestManifest, headers }).body;
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return [];
    throw error;
  }
  const layers = asArray(parseObject(text, what).layers, `layers of ${what}`)
    .map((each) => asObject(each, what))
    .filter((layer) => textIn(layer, 'mediaType') === payloadType);
  return layers.slice(0, mostSignatures).flatMap((layer) => {
    const signature = textIn(asObject(layer.annotations ?? {}, what), signatureKey);
    if (!signature) return [];
    const { digest: hex } = toDescriptor(layer, what);
    const { body, digest: found } = registry.ask({
      path: `blobs/sha256:${hex}`,
      what,
      limit: largestPayload,
    });
    return found === hex ? [{ payload: body, signature }] : [];
  });
}

function readClaim(payload: string): Claim {
  const what = 'a signed text';
  const critical = asObject(parseObject(payload, what).critical, what);
  const image = asObject(critical.image, what);
  const identity = asObject(critical.identity ?? {}, what);
  return {
    digest: textIn(image, 'docker-manifest-digest') ?? '',
    reference: textIn(identity, 'docker-reference') ?? '',
  };
}

/** What owners of one of the keys have signed. */
export function claimsBy(
  keys: readonly PublicKey[],
  signatures: readonly Signature[],
  verify: Verify,
): readonly Claim[] {
  return signatures
    .filter((signature) => keys.some((key) => verify(key, signature)))
    .map(({ payload }) => readClaim(payload));
}
