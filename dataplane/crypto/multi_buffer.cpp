// See multi_buffer.h.
#include "crypto/multi_buffer.h"

#include <array>
#include <utility>

#include "config/key.h"
#include "crypto/crypto_engine.h"

namespace spigrp {

void FreeMultiBuffer::operator()(IMB_MGR* manager) const noexcept {
  wipe(manager, imb_get_mb_mgr_size());
  free_mb_mgr(manager);
}

MultiBuffer make_multi_buffer() noexcept {
  MultiBuffer manager(alloc_mb_mgr(0));
  if (manager == nullptr) return nullptr;
  init_mb_mgr_auto(manager.get(), nullptr);
  if (imb_get_errno(manager.get()) != 0) return nullptr;
  return manager;
}

MultiBuffer make_multi_buffer(ManagerKind kind) noexcept {
  struct Maker {
    uint64_t features;  // that it needs
    void (*initialise)(IMB_MGR* manager);
  };
  static constexpr std::array<Maker, kManagerKindCount> kMakers{{{IMB_CPUFLAGS_SSE, init_mb_mgr_sse},
                                                                 {IMB_CPUFLAGS_AVX2, init_mb_mgr_avx2},
                                                                 {IMB_CPUFLAGS_AVX512, init_mb_mgr_avx512}}};
  const Maker& maker = kMakers[static_cast<size_t>(kind)];
  MultiBuffer manager(alloc_mb_mgr(0));
  if (manager == nullptr || (manager->features & maker.features) != maker.features) return nullptr;
  maker.initialise(manager.get());
  return imb_get_errno(manager.get()) == 0 ? std::move(manager) : nullptr;
}

IMB_MGR* shared_multi_buffer() noexcept {
  static const MultiBuffer shared = make_multi_buffer();
  return shared.get();
}

const char* crypto_library_version() noexcept {
  return imb_get_version_str();
}

const char* crypto_manager_name() noexcept {
  const IMB_MGR* manager = shared_multi_buffer();
  if (manager == nullptr) return "none";
  const bool has_vaes = (manager->features & IMB_FEATURE_VAES) != 0;
  switch (manager->used_arch) {
    case IMB_ARCH_AVX512:
      return has_vaes ? "AVX512 with VAES" : "AVX512";
    case IMB_ARCH_AVX2:
      return has_vaes ? "AVX2 with VAES" : "AVX2";
#if IMB_VERSION_NUM < IMB_VERSION(2, 0, 0)  // which has none of that kind
    case IMB_ARCH_AVX:
      return "AVX";
#endif
    case IMB_ARCH_SSE:
      return "SSE";
    default:
      return "without AES-NI";
  }
}

}  // namespace spigrp
