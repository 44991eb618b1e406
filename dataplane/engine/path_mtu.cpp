// See path_mtu.h.
#include "engine/path_mtu.h"

namespace spigrp {
namespace {

constexpr uint64_t kNsPerSecond = 1'000'000'000;

}  // namespace

KnownPathMtus::Taken KnownPathMtus::lower(const IpAddress& destination, uint16_t mtu_bytes, uint64_t now_ns) {
  const auto known = known_.find(destination);
  if (known == known_.end() && known_.size() == kMaxPathMtus) return Taken::kTooMany;
  if (known != known_.end() && known->second.mtu_bytes < mtu_bytes) return Taken::kKnown;
  const bool is_news = known == known_.end() || known->second.mtu_bytes != mtu_bytes;
  const uint64_t until_ns = now_ns + kPathMtuSeconds * kNsPerSecond;
  known_[destination] = {mtu_bytes, until_ns};
  look_at_ns_ = std::min(look_at_ns_, until_ns);
  return is_news ? Taken::kLowered : Taken::kKnown;
}

bool KnownPathMtus::expire(uint64_t now_ns) {
  if (now_ns < look_at_ns_) return false;
  const size_t forgotten =
      std::erase_if(known_, [now_ns](const auto& known) { return known.second.until_ns <= now_ns; });
  look_at_ns_ = UINT64_MAX;
  for (const auto& [destination, known] : known_) look_at_ns_ = std::min(look_at_ns_, known.until_ns);
  return forgotten > 0;
}

PathMtus KnownPathMtus::for_workers(Generation g) const {
  std::vector<PathMtus::Entry> entries;
  entries.reserve(known_.size());
  for (const auto& [destination, known] : known_) entries.push_back({destination, known.mtu_bytes});
  return {std::move(entries), g};
}

std::vector<PathMtuRow> KnownPathMtus::rows(uint64_t now_ns) const {
  std::vector<PathMtuRow> rows;
  for (const auto& [destination, known] : known_) {
    const uint64_t left_ns = known.until_ns > now_ns ? known.until_ns - now_ns : 0;
    rows.push_back({destination, known.mtu_bytes, static_cast<uint32_t>(left_ns / kNsPerSecond)});
  }
  return rows;
}

}  // namespace spigrp
