// See spent_keys.h.
#include "sa/spent_keys.h"

#include <algorithm>

namespace spigrp {
namespace {

// More than workers send between the look at an SA and its end. One that has sent nothing since it was made most likely
// only receives, and uses no numbers up by coming and going.
constexpr uint64_t kStillSent = 1u << 16;

}  // namespace

KeyFingerprint fingerprint_of(const Sa& sa) {
  return fingerprint_of(sa.saved_encryption_key, sa.saved_authentication_key);
}

SpentKey spent_key_of(const Sa& sa) {
  const uint64_t sent = sa.sequence.sent();
  const bool sends = sent != sa.marks.began_sent;
  return {fingerprint_of(sa), sends ? number_after(sent, kStillSent, sa.sequence.last()) : sent};
}

void SpentKeys::add(const SpentKey& key) {
  if (key.number == 0) return;
  const auto [at, is_new] = numbers_.try_emplace(key.fingerprint, key.number);
  at->second = std::max(at->second, key.number);
  if (!is_new) return;
  by_age_.push_back(key.fingerprint);
  if (by_age_.size() <= kMost) return;
  numbers_.erase(by_age_.front());
  by_age_.pop_front();
}

uint64_t SpentKeys::used_up_to(const KeyFingerprint& fingerprint) const {
  const auto found = numbers_.find(fingerprint);
  return found == numbers_.end() ? 0 : found->second;
}

}  // namespace spigrp
