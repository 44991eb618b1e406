// CryptoEngine: one worker's way into ipsec-mb. It takes the work of a whole burst, over any mixture of SAs and
// algorithms, keeps the multi-buffer lanes full across them, and returns when all of it is done: nothing stays in
// flight, so no job outlives the burst that holds its keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "config/error.h"
#include "crypto/key_schedule.h"

namespace spigrp {

inline constexpr uint8_t kMaxIcvBytes = 32;
inline constexpr uint8_t kMaxIvBytes = 16;

// One packet's ESP or AH work. All pointers stay valid for the call; ranges lie within one writable buffer.
struct CryptoJob {
  const KeySchedule::Expanded* keys;
  uint8_t* cipher_start;      // en- or decrypted in place; whole blocks for a block cipher. GMAC: only authenticated
  uint32_t cipher_bytes;      // 0 for AH and for NULL encryption
  const uint8_t* iv;          // as in the packet (iv_bytes of the cipher); all but CBC make a nonce of it and the salt
  const uint8_t* auth_start;  // authenticated: ESP header to the end of the ciphertext; the whole packet for AH;
                              // combined modes: the AAD
  uint32_t auth_bytes;        // combined modes: of the AAD: 8, or 12 with ESN
  uint8_t* icv;               // protect: where the ICV goes (its final place)
                              // verify: where the received one is (compared in constant time; for AH keep it aside
                              // and zero the field first)
  bool ok;                    // set by the call: computed, or verified
};

class CryptoEngine {
 public:
  // Whose functions of ipsec-mb it calls: those of the library that everybody has, or, one of several workers', a
  // copy's where that is faster (own_library.h) and can be had.
  enum class Library : uint8_t { kShared, kOwn };
  // Chooses the ipsec-mb manager for this CPU. Error: the library cannot run here.
  static Expected<std::unique_ptr<CryptoEngine>> create(Library library = Library::kShared);
  ~CryptoEngine();
  CryptoEngine(const CryptoEngine&) = delete;
  CryptoEngine& operator=(const CryptoEngine&) = delete;

  // Encrypts, then computes the ICV. At most 64 jobs.
  void protect(std::span<CryptoJob> jobs) noexcept;
  // Computes and compares the ICV and decrypts. A job whose ICV does not match has ok == false, and its buffer's
  // content is then undefined.
  void verify(std::span<CryptoJob> jobs) noexcept;

  // Whether others that have engines too slow it down: kOwn would have been faster, and is not to be had.
  bool is_slowed_by_others() const noexcept;

  // TSC cycles that 1,024 bytes cost under these keys, in a burst of such packets; the least of a few tries. control,
  // on an engine of its own: takes a millisecond or a few.
  uint32_t cycles_per_kilobyte(const KeySchedule& keys);

  // `count` × 16 bytes that nobody outside can predict, for CBC IVs (RFC 3602 section 3): an AES-CTR stream under a key
  // that getrandom gave this engine.
  void random_ivs(uint8_t* out, size_t count) noexcept;

 private:
  struct State;
  explicit CryptoEngine(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

// For start-up: the library's version string and the manager that create() chooses ("AVX512 with VAES").
const char* crypto_library_version() noexcept;
const char* crypto_manager_name() noexcept;

}  // namespace spigrp
