// See multi_buffer.h.
#include "crypto/multi_buffer.h"

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
    case IMB_ARCH_AVX:
      return "AVX";
    case IMB_ARCH_SSE:
      return "SSE";
    default:
      return "without AES-NI";
  }
}

}  // namespace spigrp
