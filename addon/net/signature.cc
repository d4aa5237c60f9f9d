#ifdef CH_IMAGE_NET
#include "net/signature.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <climits>
#include <memory>
#include <new>

#include "base/error.h"

namespace chrun::net {
namespace {

constexpr int kFewestRsaBits = 2048;

template <auto Free>
struct Freed {
  template <typename Type>
  void operator()(Type* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

Key read_key(const std::string& pem) {
  const std::unique_ptr<BIO, Freed<BIO_free_all>> text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!text) throw std::bad_alloc();
  Key key(PEM_read_bio_PUBKEY(text.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!key) throw Error("it is no public key in PEM", "cosign.pub is one, and 'openssl pkey -pubout' makes one");
  const int kind = EVP_PKEY_get_base_id(key.get());
  if (kind == EVP_PKEY_RSA && EVP_PKEY_get_bits(key.get()) < kFewestRsaBits)
    throw Error("it is an RSA key of less than " + std::to_string(kFewestRsaBits) + " bits");
  if (kind != EVP_PKEY_EC && kind != EVP_PKEY_RSA && kind != EVP_PKEY_ED25519)
    throw Error("it is a key of a kind that signs no images", "ECDSA, RSA and Ed25519 do");
  return key;
}

/// Empty if it is not base64.
std::vector<unsigned char> decode(const std::string& base64) {
  if (base64.empty() || base64.size() % 4 != 0 || base64.size() > 8192) return {};
  std::vector<unsigned char> bytes(base64.size() / 4 * 3);
  const auto* input = reinterpret_cast<const unsigned char*>(base64.data());
  if (EVP_DecodeBlock(bytes.data(), input, static_cast<int>(base64.size())) < 0) return {};
  // the function counts the padding, too
  const auto padding = std::min<ptrdiff_t>(2, std::ranges::count(base64, '='));
  bytes.resize(bytes.size() - static_cast<size_t>(padding));
  return bytes;
}

bool verify(EVP_PKEY* key, const std::string& text, const std::vector<unsigned char>& signature) {
  const std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  const EVP_MD* hash = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const bool right = EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr, key) == 1 &&
                     EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes, text.size()) == 1;
  ERR_clear_error();
  return right;
}

}  // namespace

Words verify_signature(const Words& arguments) {
  const std::string &pem = arguments.at(0), &text = arguments.at(1);
  if (pem.size() > INT_MAX) throw Error("it is no public key in PEM");
  const Key key = read_key(pem);
  const auto signature = decode(arguments.at(2));
  return {!signature.empty() && verify(key.get(), text, signature) ? "yes" : "no"};
}

}  // namespace chrun::net
#else
#include "base/error.h"
#include "net/signature.h"

namespace chrun::net {

Words verify_signature(const Words&) {
  throw Error("this build can't check signatures: a library was missing when it was made",
              "a release has all of them; 'npm run build' says which is missing");
}

}  // namespace chrun::net
#endif
