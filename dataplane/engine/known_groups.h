// KnownGroups: the groups of ESP and AH packets that came before, as one worker remembers them: by destination, SPI and
// protocol. What is remembered is the SA table's answer at one generation, and good at no other. Two whose packets hash
// alike have a place each, in neighbouring cache lines: with as many groups as half the places one in six would
// otherwise drive another out each time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <nmmintrin.h>

#include <rte_mbuf.h>

#include "packet/ip_packet.h"
#include "sa/sa_group.h"
#include "state/prefetch.h"
#include "state/versions.h"

namespace spigrp {

class KnownGroups {
 public:
  explicit KnownGroups(uint32_t entries) : entries_(entries), mask_(entries - 1) {}  // a power of two, two at least

  using Words = std::array<uint64_t, 3>;  // destination; SPI and protocol

  // What a packet's group is remembered by.
  struct Wanted {
    Words words;
    uint32_t hash;

    bool names_sa() const noexcept { return words[2] != 0; }
  };
  // It names no SA unless it begins with ESP or AH behind its IP header: no other is remembered.
  static void ask(const rte_mbuf* packet, const IpPacket& ip, Wanted& wanted) noexcept {
    if (!is_eligible(packet, ip)) {
      wanted = {};
      return;
    }
    put_words(packet, ip, wanted.words);
    wanted.hash = hash_of(wanted.words);
  }

  void prefetch(const Wanted& wanted) const noexcept { spigrp::prefetch(&entries_[wanted.hash & mask_]); }

  // The group, or null: ask the table.
  const SaGroup* find(const Wanted& wanted, Generation g) const noexcept {
    if (!wanted.names_sa()) return nullptr;
    const size_t place = wanted.hash & mask_;
    if (entries_[place].answers(wanted, g)) [[likely]]
      return entries_[place].group;
    return entries_[place ^ 1].answers(wanted, g) ? entries_[place ^ 1].group : nullptr;
  }

  // What the table said of such a packet.
  void remember(const Wanted& wanted, Generation g, const SaGroup& group) noexcept {
    if (!wanted.names_sa()) return;
    Entry& first = entries_[wanted.hash & mask_];
    Entry& second = entries_[(wanted.hash & mask_) ^ 1];
    // Where both are taken, whoever was remembered before makes room in its turn.
    if (first.found_at == g) second = first;
    first = {wanted.words, g, &group};
  }

 private:
  struct alignas(kCacheLineBytes) Entry {
    Words words{};
    Generation found_at = UINT64_MAX;  // no table's
    const SaGroup* group = nullptr;

    bool answers(const Wanted& wanted, Generation g) const noexcept {
      uint64_t difference = found_at ^ g;
      for (size_t i = 0; i < words.size(); ++i) difference |= words[i] ^ wanted.words[i];
      return difference == 0;
    }
  };

  // AH's header is the longer one. What is shorter is looked at by whoever finds nothing here.
  static bool is_eligible(const rte_mbuf* packet, const IpPacket& ip) noexcept {
    const bool names_spi = ip.next_header == kProtocolEsp || ip.next_header == kProtocolAh;
    return names_spi && ip.payload_bytes() >= sizeof(AhHeader) &&
           ip.header_bytes + sizeof(AhHeader) <= rte_pktmbuf_data_len(packet);
  }

  static void put_words(const rte_mbuf* packet, const IpPacket& ip, Words& words) noexcept {
    const auto* start = rte_pktmbuf_mtod(packet, const uint8_t*);
    const size_t spi_offset = ip.next_header == kProtocolEsp ? offsetof(EspHeader, spi) : offsetof(AhHeader, spi);
    uint32_t spi;
    std::memcpy(&spi, start + ip.header_bytes + spi_offset, sizeof(spi));
    words[2] = spi | uint64_t{ip.next_header} << 32 | uint64_t{static_cast<uint8_t>(ip.family)} << 40;
    if (ip.family == Family::kIpv4) [[likely]] {
      uint32_t destination;
      std::memcpy(&destination, start + offsetof(Ipv4Header, destination), sizeof(destination));
      words[0] = destination;
      words[1] = 0;
    } else {
      std::memcpy(words.data(), start + offsetof(Ipv6Header, destination), 16);
    }
  }

  static uint32_t hash_of(const Words& words) noexcept {
    return static_cast<uint32_t>(_mm_crc32_u64(_mm_crc32_u64(words[2] >> 32, words[0] ^ words[2] << 32), words[1]));
  }

  std::vector<Entry> entries_;
  uint32_t mask_;
};

}  // namespace spigrp
