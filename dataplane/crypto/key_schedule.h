// KeySchedule: the keys of one SA in the form that ipsec-mb wants them, expanded once when the SA is made and wiped
// when it is released. Workers read it only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "config/error.h"
#include "config/key.h"
#include "crypto/algorithms.h"

namespace spigrp {

class KeySchedule {
 public:
  // Errors: key sizes that are not exactly the algorithm's (says which is wanted), 3DES keys whose parts are equal.
  // The error names sizes, never bytes.
  static Expected<KeySchedule> create(const Algorithm& algorithm, const Key& encryption_key,
                                      const Key& authentication_key);
  // Of keys that anybody knows, for measurements.
  static Expected<KeySchedule> sample(const Algorithm& algorithm);
  KeySchedule(KeySchedule&&) noexcept;
  KeySchedule& operator=(KeySchedule&&) noexcept;
  ~KeySchedule();

  const Algorithm& algorithm() const noexcept { return algorithm_; }
  // Bytes of memory held beside the object itself.
  size_t allocated_bytes() const noexcept;

  struct Expanded;  // defined in key_schedule_expanded.h, for the crypto room only
  // What a CryptoJob needs of it; stays where it is as long as there is a KeySchedule that has it.
  const Expanded* expanded() const noexcept { return expanded_.get(); }
  // worker: into the cache what a job over so many bytes reads; its first line has been fetched
  static void prefetch(const Expanded& keys, uint32_t bytes) noexcept;

 private:
  struct Wipe {
    void operator()(Expanded* expanded) const noexcept;
  };

  KeySchedule() = default;

  Algorithm algorithm_{};
  std::unique_ptr<Expanded, Wipe> expanded_;
};

}  // namespace spigrp
