// See key_fingerprint.h.
#include "crypto/key_fingerprint.h"

#include <algorithm>

#include <intel-ipsec-mb.h>

#include "crypto/multi_buffer.h"

namespace spigrp {
namespace {

// ipsec-mb leaves the last block that it hashed on the stack; this lies over it.
[[gnu::noinline]] void wipe_stack_below() noexcept {
  std::array<uint8_t, 4096> frame;
  wipe(frame.data(), frame.size());
}

}  // namespace

KeyFingerprint fingerprint_of(const Key& encryption_key, const Key& authentication_key) noexcept {
  std::array<uint8_t, 2 * (kMaxKeyBytes + sizeof(uint16_t))> text;
  size_t bytes = 0;
  for (const Key* key : {&encryption_key, &authentication_key}) {
    const auto key_bytes = static_cast<uint16_t>(std::min(key->size(), kMaxKeyBytes));
    std::memcpy(text.data() + bytes, &key_bytes, sizeof(key_bytes));
    bytes += sizeof(key_bytes);
    std::copy_n(key->bytes().begin(), key_bytes, text.data() + bytes);
    bytes += key_bytes;
  }
  std::array<uint8_t, IMB_SHA256_DIGEST_SIZE_IN_BYTES> digest;
  IMB_SHA256(shared_multi_buffer(), text.data(), bytes, digest.data());
  wipe_stack_below();
  wipe(text.data(), text.size());
  KeyFingerprint fingerprint;
  std::copy_n(digest.begin(), fingerprint.size(), fingerprint.begin());
  return fingerprint;
}

}  // namespace spigrp
