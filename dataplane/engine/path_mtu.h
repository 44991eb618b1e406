// Path MTUs (RFC 1191, RFC 8201, RFC 4301 section 8.2): the gateways on the other side to which less fits through than
// through the port, as routers on the way have said (path_mtu_report.h). PathMtus is what workers read, one version of
// it; KnownPathMtus is the control thread's, with the time until which each counts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "config/ip_address.h"
#include "config/route_spec.h"
#include "state/versions.h"

namespace spigrp {

inline constexpr size_t kMaxPathMtus = 4096;          // destinations
inline constexpr uint16_t kLowestPathMtuIpv4 = 576;   // bytes; who says less gets this
inline constexpr uint16_t kLowestPathMtuIpv6 = 1280;  // RFC 8200 section 5; who says less is not believed (RFC 8201)
inline constexpr uint64_t kPathMtuSeconds = 600;      // RFC 1191 section 6.3, RFC 8201 section 4

class PathMtus {
 public:
  struct Entry {
    IpAddress destination;
    uint16_t mtu_bytes;
  };

  PathMtus() = default;
  PathMtus(std::vector<Entry> by_destination, Generation changed_at) noexcept
      : entries_(std::move(by_destination)), changed_at_(changed_at) {
    for (const Entry& entry : entries_) least_bytes_ = std::min(least_bytes_, entry.mtu_bytes);
  }

  // What fits through to everybody; larger packets ask towards().
  uint16_t least_bytes() const noexcept { return least_bytes_; }
  Generation changed_at() const noexcept { return changed_at_; }  // that it was made for
  // The path MTU to a destination, or the port's where that is smaller or nothing is known.
  uint16_t towards(const IpAddress& destination, uint16_t port_mtu_bytes) const noexcept {
    const auto found =
        std::lower_bound(entries_.begin(), entries_.end(), destination,
                         [](const Entry& entry, const IpAddress& wanted) { return entry.destination < wanted; });
    if (found == entries_.end() || found->destination != destination) return port_mtu_bytes;
    return std::min(port_mtu_bytes, found->mtu_bytes);
  }

 private:
  std::vector<Entry> entries_;
  uint16_t least_bytes_ = UINT16_MAX;
  Generation changed_at_ = 0;
};

class KnownPathMtus {
 public:
  enum class Taken : uint8_t {
    kLowered,  // workers must be told
    kKnown,    // no less than what is known; the same MTU counts from now on again
    kTooMany,  // kMaxPathMtus destinations are known
  };
  Taken lower(const IpAddress& destination, uint16_t mtu_bytes, uint64_t now_ns);
  // Forgets what is too old; true where there was something.
  bool expire(uint64_t now_ns);

  PathMtus for_workers(Generation g) const;
  std::vector<PathMtuRow> rows(uint64_t now_ns) const;

 private:
  struct Known {
    uint16_t mtu_bytes;
    uint64_t until_ns;
  };
  std::map<IpAddress, Known> known_;
  uint64_t look_at_ns_ = UINT64_MAX;  // before that nothing is too old
};

}  // namespace spigrp
