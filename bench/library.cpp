// See library.h.
#include "library.h"

namespace spigrp::bench {
namespace {

struct ManagerKind {
  std::string_view name;
  uint64_t features;  // that it needs
  void (*initialise)(IMB_MGR* manager);
};

constexpr ManagerKind kManagerKinds[] = {{"SSE", IMB_CPUFLAGS_SSE, init_mb_mgr_sse},
#if IMB_VERSION_NUM < IMB_VERSION(2, 0, 0)  // which has none of that kind
                                         {"AVX", IMB_CPUFLAGS_AVX, init_mb_mgr_avx},
#endif
                                         {"AVX2", IMB_CPUFLAGS_AVX2, init_mb_mgr_avx2},
                                         {"AVX512", IMB_CPUFLAGS_AVX512, init_mb_mgr_avx512}};

MultiBuffer make_manager(const ManagerKind& kind) {
  MultiBuffer manager(alloc_mb_mgr(0));
  if (manager == nullptr || (manager->features & kind.features) != kind.features) return nullptr;
  kind.initialise(manager.get());
  if (imb_get_errno(manager.get()) != 0) return nullptr;
  return manager;
}

template <size_t N>
std::array<uint8_t, N> numbered_bytes(size_t number, uint8_t salt) noexcept {
  std::array<uint8_t, N> bytes;
  uint64_t state = number * 0x9e3779b97f4a7c15u + salt;
  for (uint8_t& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<uint8_t>(state >> 56);
  }
  return bytes;
}

// RFC 2104 section 2: K xor ipad (0x36) or opad (0x5c), one block of SHA-256.
void hash_padded_key(IMB_MGR* manager, const std::array<uint8_t, kHmacKeyBytes>& key, uint8_t pad, uint8_t* state) {
  std::array<uint8_t, 64> block;
  block.fill(pad);
  for (size_t i = 0; i < key.size(); ++i) block[i] ^= key[i];
  IMB_SHA256_ONE_BLOCK(manager, block.data(), state);
}

HmacKeys expand_hmac(IMB_MGR* manager, const std::array<uint8_t, kHmacKeyBytes>& key) {
  HmacKeys keys;
  hash_padded_key(manager, key, 0x36, keys.inner.data());
  hash_padded_key(manager, key, 0x5c, keys.outer.data());
  return keys;
}

void expand_keys(Library& library, size_t sas) {
  IMB_MGR* manager = library.manager.get();
  library.gcm.resize(sas);
  library.cbc.resize(sas);
  for (size_t sa = 0; sa < sas; ++sa) {
    const auto key = aes_key(sa);
    IMB_AES128_GCM_PRE(manager, key.data(), &library.gcm[sa]);
    IMB_AES_KEYEXP_128(manager, key.data(), library.cbc[sa].encrypt.data(), library.cbc[sa].decrypt.data());
    library.esp_hmac.push_back(expand_hmac(manager, hmac_key(sa, HmacOf::kEsp)));
    library.ah_hmac.push_back(expand_hmac(manager, hmac_key(sa, HmacOf::kAh)));
  }
}

}  // namespace

std::array<uint8_t, kAesKeyBytes> aes_key(size_t sa) noexcept {
  return numbered_bytes<kAesKeyBytes>(sa, 1);
}

std::array<uint8_t, kHmacKeyBytes> hmac_key(size_t sa, HmacOf user) noexcept {
  return numbered_bytes<kHmacKeyBytes>(sa, user == HmacOf::kEsp ? 2 : 3);
}

std::vector<Library> make_libraries(size_t sas) {
  std::vector<Library> libraries;
  for (const ManagerKind& kind : kManagerKinds) {
    MultiBuffer manager = make_manager(kind);
    if (manager == nullptr) continue;
    Library library{kind.name, std::move(manager), {}, {}, {}, {}};
    expand_keys(library, sas);
    libraries.push_back(std::move(library));
  }
  return libraries;
}

}  // namespace spigrp::bench
