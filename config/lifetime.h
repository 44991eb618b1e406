// LifetimeSpec: how long an SA may be used, as the operator typed it (RFC 4301 section 4.4.2.1, RFC 2367
// section 2.3.4). Reaching a soft limit says that it is time for new keys; reaching a hard one ends the SA.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/error.h"

namespace spigrp {

struct LifetimeLimits {      // 0: no limit
  uint64_t allocations = 0;  // eroutes that were ever pointed at the SA
  uint64_t bytes = 0;        // of the packets before encapsulation, after decapsulation
  uint64_t addtime = 0;      // seconds since the SA was made
  uint64_t usetime = 0;      // seconds since its first packet
  uint64_t packets = 0;

  friend bool operator==(const LifetimeLimits&, const LifetimeLimits&) = default;
};

struct LifetimeSpec {
  LifetimeLimits soft, hard;

  friend bool operator==(const LifetimeSpec&, const LifetimeSpec&) = default;
};

// What has been used of a lifetime.
struct LifetimeUse {
  uint64_t packets = 0, bytes = 0;
  uint64_t first_used_at_s = 0;  // Unix time; 0: never
  uint64_t allocations = 0;

  friend bool operator==(const LifetimeUse&, const LifetimeUse&) = default;
};

struct LifetimeField {
  std::string_view name;
  uint64_t LifetimeLimits::*limit;
};
inline constexpr std::array<LifetimeField, 5> kLifetimeFields = {{
    {"allocations", &LifetimeLimits::allocations},
    {"bytes", &LifetimeLimits::bytes},
    {"addtime", &LifetimeLimits::addtime},
    {"usetime", &LifetimeLimits::usetime},
    {"packets", &LifetimeLimits::packets},
}};

inline constexpr uint64_t kMaxLifetimeSeconds = UINT32_MAX;

// "soft-packets=900,hard-packets=1000". Errors: no such limit, given twice, no number, 0.
Expected<LifetimeSpec> parse_lifetime(std::string_view words);

// No soft limit behind its hard one; times up to kMaxLifetimeSeconds.
Expected<void> validate(const LifetimeSpec& lifetime);

}  // namespace spigrp
