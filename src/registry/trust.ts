/** Whether an image may be used: by the policies of site and user, and by the keys that the user names. */
import { LaunchError } from '../base/errors.js';
import type { Registry } from './client.js';
import type { Identity, Policy } from './policy.js';
import { complete, type FullReference, parseReference, versionOf } from './reference.js';
import {
  type Claim,
  claimsBy,
  findSignatures,
  type PublicKey,
  type Signature,
  type Verify,
} from './signatures.js';

export interface TrustRequest {
  readonly registry: Registry;
  /** As the user asked for it. */
  readonly reference: FullReference;
  /** SHA-256 of the manifest, and of the indexes that led to it. */
  readonly digests: readonly string[];
  readonly policies: readonly Policy[];
  /** Of --verify-key. */
  readonly key: PublicKey | undefined;
  readonly verify: Verify;
}

function isCalled({ reference: said }: Claim, identity: Identity, wanted: FullReference): boolean {
  let signed: FullReference;
  try {
    const parsed = parseReference(said);
    signed = complete(parsed, parsed.registry ?? 'docker.io');
  } catch {
    return false;
  }
  const repository = `${signed.registry}/${signed.repository}`;
  if (identity.kind === 'exactly') return repository === identity.repository;
  if (repository !== `${wanted.registry}/${wanted.repository}`) return false;
  if (identity.kind === 'repository' || wanted.digest !== undefined) return true;
  return versionOf(signed) === versionOf(wanted) && (signed.tag !== undefined || signed.digest !== undefined);
}

/** Throws LaunchError if the image must not be used. */
export function checkTrust(request: TrustRequest): void {
  const { registry, reference, digests, policies, key, verify } = request;
  const name = `${reference.registry}/${reference.repository}`;
  let all: readonly Signature[] | undefined;
  const signedBy = (keys: readonly PublicKey[], fits: (claim: Claim) => boolean) => {
    all ??= digests.flatMap((digest) => findSignatures(registry, digest));
    const claims = claimsBy(keys, all, verify);
    if (claims.some((claim) => digests.includes(claim.digest.replace(/^sha256:/, '')) && fits(claim)))
      return undefined;
    return all.length === 0
      ? 'it has no signature'
      : claims.length === 0
        ? `none of its ${all.length} signatures is by ${keys.map((each) => each.name).join(' or ')}`
        : `what was signed is another image (${claims.map((each) => each.reference).join(', ')})`;
  };
  for (const { file, scope, requirements } of policies)
    for (const requirement of requirements) {
      const refuse = (why: string, hint?: string) =>
        new LaunchError(`${name} is refused by ${file} (${scope}): ${why}`, {
          path: file,
          ...(hint === undefined ? {} : { hint }),
        });
      if (requirement.kind === 'reject') throw refuse('the policy rejects it');
      if (requirement.kind === 'unknown')
        throw refuse(
          `the policy wants '${requirement.name}', which is not checked here`,
          "podman may: 'podman pull' it, and 'podman save IMAGE | ch-image-ts import - NAME'",
        );
      if (requirement.kind !== 'signed') continue;
      const { keys, identity } = requirement;
      const why = signedBy(keys, (claim) => isCalled(claim, identity, reference));
      if (why !== undefined) throw refuse(why);
    }
  const why = key && signedBy([key], () => true);
  if (why) throw new LaunchError(`${name} is refused by --verify-key: ${why}`);
}
