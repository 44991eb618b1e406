// PacketCase: what is measured: a suite of algorithms, a group, a packet size, a number of SAs; and from these how many
// bytes of a packet are encrypted and hashed. The same cases for floor and pipeline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/ip_address.h"

namespace spigrp::bench {

enum class Suite : uint8_t { kGcm, kCbcSha };
enum class Group : uint8_t { kTunEsp, kTunEspAh };
enum class Direction : uint8_t { kOutbound, kInbound };

inline constexpr Suite kSuites[] = {Suite::kGcm, Suite::kCbcSha};
inline constexpr Group kGroups[] = {Group::kTunEsp, Group::kTunEspAh};
inline constexpr Direction kDirections[] = {Direction::kOutbound, Direction::kInbound};
inline constexpr uint16_t kInnerBytes[] = {64, 512, 1420};  // of the inner IP packet
inline constexpr uint16_t kSaCounts[] = {1, 64, 1000};

std::string_view esp_algorithm(Suite suite) noexcept;  // "aes128gcm16"
inline constexpr std::string_view kAhAlgorithm = "hmac-sha2_256-128";
std::string_view group_name(Group group) noexcept;  // "tun+esp"
std::string_view direction_name(Direction direction) noexcept;

struct PacketCase {
  Suite suite;
  Group group;
  uint16_t inner_bytes;
  uint32_t sas;
  Family family = Family::kIpv4;  // of inner and outer packets; IPv6 has no ah here
};

std::string name_of(const PacketCase& packet_case);  // "tun+esp aes128gcm16 64 B 1 SAs"

// Slices that go untimed before each timed one: with many SAs so many that all of them have been used since, by what
// is timed. Caches then hold of the SAs what they hold of them under traffic. Of more than kVisitedInTurn one slice is
// enough: visited at random, few of a slice have been used lately.
size_t lead_slices(size_t sas) noexcept;

// Which of `count` SAs or flows is next. Up to kVisitedInTurn one after the other, more in an order in which no
// prefetcher sees one: their multiples of a prime.
inline constexpr size_t kVisitedInTurn = 1000;
constexpr size_t visited(size_t turn, size_t count) noexcept {
  constexpr size_t kStride = 514'229;
  return (count <= kVisitedInTurn ? turn : turn * kStride) % count;
}

std::vector<PacketCase> all_cases();
// The whole path in a few seconds: the smallest and the largest of everything.
std::vector<PacketCase> quick_cases();

// Bytes of one packet: [outer IP | AH, ICV | SPI, sequence | IV | text | ICV], where text is the inner
// packet, padding and the ESP trailer.
struct PacketLayout {
  uint32_t outer_ip_bytes;
  uint32_t iv_bytes;
  uint32_t text_bytes;   // encrypted
  uint32_t esp_bytes;    // ESP header, IV and text: what CBC+SHA hashes; of GCM's AAD only the first 8
  uint32_t ah_bytes;     // the AH header with its ICV; 0: no AH
  uint32_t outer_bytes;  // all of it: what AH hashes
};
PacketLayout layout_of(const PacketCase& packet_case) noexcept;

inline constexpr uint32_t kIcvBytes = 16;  // of all algorithms here

}  // namespace spigrp::bench
