// SpentKeys: the keys of SAs that are no more, and up to which number they may have been used. An SA with such keys
// goes on behind it, whatever it is called (invariant 1): manual keys are deleted and come again. Of more than kMost
// those are forgotten that were added longest ago, or added again. Control thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

#include "crypto/key_fingerprint.h"
#include "sa/sa.h"

namespace spigrp {

struct SpentKey {
  KeyFingerprint fingerprint;
  uint64_t number;  // 0: it was never used
};

KeyFingerprint fingerprint_of(const Sa& sa);  // of its keys
// What is to be remembered of an SA that goes while workers may still send with it.
SpentKey spent_key_of(const Sa& sa);

class SpentKeys {
 public:
  static constexpr size_t kMost = 1u << 20;  // 90 MB

  void add(const SpentKey& key);
  // 0: never, as far as is known
  uint64_t used_up_to(const KeyFingerprint& fingerprint) const;
  bool empty() const noexcept { return used_.empty(); }

 private:
  using ByAge = std::list<const KeyFingerprint*>;  // points at the map's keys
  struct Used {
    uint64_t number;
    ByAge::iterator age;
  };
  std::unordered_map<KeyFingerprint, Used, KeyFingerprintHash> used_;
  ByAge by_age_;  // last added longest ago first
};

}  // namespace spigrp
