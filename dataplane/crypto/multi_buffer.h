// MultiBuffer: ipsec-mb's manager (IMB_MGR), owned. Each crypto engine has one of its own, because a manager holds the
// jobs that are under way. For the crypto room and the benchmarks only.
#pragma once

#include <memory>

#include <intel-ipsec-mb.h>

namespace spigrp {

struct FreeMultiBuffer {
  void operator()(IMB_MGR* manager) const noexcept;  // wiped: lanes hold IVs, digests and what was hashed last
};
using MultiBuffer = std::unique_ptr<IMB_MGR, FreeMultiBuffer>;

// The manager for this processor, or null where the library cannot run.
MultiBuffer make_multi_buffer() noexcept;

// One for everybody who only wants functions without state: key expansion and hashing of single blocks. Null as above.
IMB_MGR* shared_multi_buffer() noexcept;

}  // namespace spigrp
