// See goals.h. One SA: times the floor. 64 SAs, another one for each packet of a burst: times what one SA costs.
#include "goals.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "table.h"

namespace spigrp::bench {
namespace {

constexpr uint16_t kManySas = 64;
constexpr double kManySasToOne = 1.10;

using BySize = std::array<double, std::size(kInnerBytes)>;

std::optional<BySize> ratios_of(const PacketCase& packet_case, Direction direction) {
  if (packet_case.group == Group::kTunEsp) {
    if (packet_case.suite == Suite::kCbcSha) return BySize{1.22, 1.12, 1.06};
    return direction == Direction::kOutbound ? BySize{1.60, 1.30, 1.15} : BySize{1.70, 1.35, 1.18};
  }
  if (packet_case.suite == Suite::kGcm) return BySize{1.30, 1.15, 1.08};
  return std::nullopt;
}

std::string judged(double figure_now, double goal) {
  return figure(goal, 2) + (figure_now <= goal ? " met" : " missed");
}

}  // namespace

std::string Goals::verdict(const PacketCase& packet_case, Direction direction, double cycles, double ratio) {
  PacketCase with_one = packet_case;
  with_one.sas = 1;
  const std::string line = name_of(with_one) + std::string(direction_name(direction));
  if (packet_case.sas == 1) {
    with_one_sa_[line] = cycles;
    const auto ratios = ratios_of(packet_case, direction);
    if (!ratios) return "-";
    const auto* const size = std::find(std::begin(kInnerBytes), std::end(kInnerBytes), packet_case.inner_bytes);
    return judged(ratio, (*ratios)[static_cast<size_t>(size - std::begin(kInnerBytes))]);
  }
  const auto one = with_one_sa_.find(line);
  if (packet_case.sas != kManySas || one == with_one_sa_.end()) return "-";
  return judged(cycles / one->second, kManySasToOne);
}

}  // namespace spigrp::bench
