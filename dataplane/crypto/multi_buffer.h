// MultiBuffer: ipsec-mb's manager (IMB_MGR), owned. Each crypto engine has one of its own, because a manager holds the
// jobs that are under way. For the crypto room and the benchmarks only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <intel-ipsec-mb.h>

namespace spigrp {

struct FreeMultiBuffer {
  void operator()(IMB_MGR* manager) const noexcept;  // wiped: lanes hold IVs, digests and what was hashed last
};
using MultiBuffer = std::unique_ptr<IMB_MGR, FreeMultiBuffer>;

// The manager for this processor, or null where the library cannot run.
MultiBuffer make_multi_buffer() noexcept;

// The kinds of manager that ipsec-mb has. The newest instructions are not always the fastest: SHA extensions beat many
// lanes of AVX2, and only the SSE kind uses them.
enum class ManagerKind : uint8_t { kSse, kAvx2, kAvx512 };
inline constexpr size_t kManagerKindCount = 3;
// Null where this processor cannot run the kind.
MultiBuffer make_multi_buffer(ManagerKind kind) noexcept;

// One for everybody who only wants functions without state: key expansion and hashing of single blocks. Null as above.
IMB_MGR* shared_multi_buffer() noexcept;

// From 2.0 on a job of a burst says by an index of which algorithms it is. imb_set_session() sets it too, but also adds
// to a counter that all threads share.
inline void set_suite([[maybe_unused]] IMB_MGR* manager, [[maybe_unused]] IMB_JOB& slot) noexcept {
#if IMB_VERSION_NUM >= IMB_VERSION(2, 0, 0)
  manager->set_suite_id(manager, &slot);
#endif
}

}  // namespace spigrp
