// Signatures of images: one public key, one text, one signature.
#pragma once
#include "host/questions.h"

namespace chrun::net {

/// KEY TEXT SIGNATURE → `yes` or `no`: whether the owner of the key has signed the SHA-256 of the text. The key is in
/// PEM (ECDSA, RSA or Ed25519, whose signature is of the text itself), the signature in base64. Throws Error if the key
/// is not a key.
Words verify_signature(const Words& arguments);

}  // namespace chrun::net
