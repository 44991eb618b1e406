// See spent_keys.h.
#include "sa/spent_keys.h"

#include <algorithm>

namespace spigrp {
namespace {

// More than workers send between the look at an SA and its end. One that has sent nothing since it was made most likely
// only receives, and uses no numbers up by coming and going.
constexpr uint64_t kStillSent = 1u << 16;

constexpr size_t kMany = 1u << 16;

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
  const auto [at, is_new] = used_.try_emplace(key.fingerprint, Used{key.number, by_age_.end()});
  Used& used = at->second;
  if (!is_new) {
    used.number = std::max(used.number, key.number);
    by_age_.splice(by_age_.end(), by_age_, used.age);
    return;
  }
  used.age = by_age_.insert(by_age_.end(), &at->first);
  // Whoever has so many may have all: to grow later, by any other step, would take long.
  if (by_age_.size() == kMany) used_.reserve(kMost + 1);
  if (by_age_.size() <= kMost) return;
  const KeyFingerprint oldest = *by_age_.front();
  by_age_.pop_front();
  used_.erase(oldest);
}

uint64_t SpentKeys::used_up_to(const KeyFingerprint& fingerprint) const {
  const auto found = used_.find(fingerprint);
  return found == used_.end() ? 0 : found->second.number;
}

}  // namespace spigrp
