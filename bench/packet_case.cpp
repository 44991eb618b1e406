// See packet_case.h.
#include "packet_case.h"

#include "measure.h"
#include "packet/headers.h"

namespace spigrp::bench {

std::string_view esp_algorithm(Suite suite) noexcept {
  return suite == Suite::kGcm ? "aes128gcm16" : "aes128-sha2_256-128";
}

std::string_view group_name(Group group) noexcept {
  return group == Group::kTunEsp ? "tun+esp" : "tun+esp+ah";
}

std::string_view direction_name(Direction direction) noexcept {
  return direction == Direction::kOutbound ? "out" : "in";
}

std::string name_of(const PacketCase& packet_case) {
  return std::string(group_name(packet_case.group)) + ' ' + std::string(esp_algorithm(packet_case.suite)) + ' ' +
         std::to_string(packet_case.inner_bytes) + " B " + std::to_string(packet_case.sas) + " SAs" +
         (packet_case.family == Family::kIpv6 ? " IPv6" : "");
}

size_t lead_slices(size_t sas) noexcept {
  if (sas > kVisitedInTurn) return 1;
  return sas == 1 ? 0 : (sas + kSlicePackets - 1) / kSlicePackets;
}

std::vector<PacketCase> all_cases() {
  std::vector<PacketCase> cases;
  for (const Group group : kGroups) {
    for (const Suite suite : kSuites) {
      for (const uint16_t sas : kSaCounts) {
        for (const uint16_t bytes : kInnerBytes) cases.push_back({suite, group, bytes, sas});
      }
    }
  }
  return cases;
}

std::vector<PacketCase> quick_cases() {
  return {{Suite::kGcm, Group::kTunEsp, 64, 1},
          {Suite::kGcm, Group::kTunEspAh, 1420, 1000},
          {Suite::kCbcSha, Group::kTunEsp, 1420, 1},
          {Suite::kCbcSha, Group::kTunEspAh, 64, 1000}};
}

PacketLayout layout_of(const PacketCase& packet_case) noexcept {
  const bool is_gcm = packet_case.suite == Suite::kGcm;
  const uint32_t iv_bytes = is_gcm ? 8 : 16, block_bytes = is_gcm ? 4 : 16;
  const uint32_t unpadded_bytes = packet_case.inner_bytes + static_cast<uint32_t>(sizeof(EspTrailer));
  const uint32_t text_bytes = (unpadded_bytes + block_bytes - 1) / block_bytes * block_bytes;
  const uint32_t esp_bytes = static_cast<uint32_t>(sizeof(EspHeader)) + iv_bytes + text_bytes;
  const uint32_t ah_bytes =
      packet_case.group == Group::kTunEsp ? 0 : static_cast<uint32_t>(sizeof(AhHeader)) + kIcvBytes;
  const auto outer_ip_bytes =
      static_cast<uint32_t>(packet_case.family == Family::kIpv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
  return {outer_ip_bytes, iv_bytes, text_bytes, esp_bytes, ah_bytes, outer_ip_bytes + ah_bytes + esp_bytes + kIcvBytes};
}

}  // namespace spigrp::bench
