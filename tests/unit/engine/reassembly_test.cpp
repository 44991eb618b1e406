// Reassembly: every order of good fragments makes the packet; of bad ones nothing comes out, each is counted under its
// reason, and whatever comes is bounded.
#include "engine/reassembly.h"

#include <algorithm>
#include <random>

#include <rte_cycles.h>

#include "gateway_fixture.h"

namespace spigrp::test {
namespace {

constexpr Family kFamilies[] = {Family::kIpv4, Family::kIpv6};

// A packet to the gateway, and its fragments by hand.
struct Whole {
  Family family;
  Bytes bytes;
  uint32_t identification = 0x4321;

  Whole(Family of, size_t payload_bytes, uint8_t traffic_class = 0) : family(of) {
    const Bytes payload = counted_bytes(payload_bytes);
    bytes = of == Family::kIpv4
                ? ipv4_packet({.protocol = kProtocolEsp, .tos = traffic_class, .identification = 0x4321}, payload)
                : ipv6_packet({.next_header = kProtocolEsp, .traffic_class = traffic_class}, payload);
  }
  size_t header_bytes() const { return family == Family::kIpv4 ? 20 : 40; }
  size_t payload_bytes() const { return bytes.size() - header_bytes(); }

  // Bytes of the payload. Whether more follow is said by `is_last`, true or not.
  Bytes part(size_t begin, size_t end, bool is_last) const {
    Bytes fragment(bytes.begin(), bytes.begin() + static_cast<long>(header_bytes()));
    if (family == Family::kIpv4) {
      put16(fragment, 4, identification);
      put16(fragment, 6, static_cast<unsigned>(begin / 8 | (is_last ? 0 : 0x2000)));
    } else {
      Bytes header(8);
      header[0] = fragment[6];
      put16(header, 2, static_cast<unsigned>(begin | (is_last ? 0 : 1)));
      put16(header, 4, identification >> 16);
      put16(header, 6, identification & 0xffff);
      fragment[6] = kProtocolFragment;
      fragment = fragment + header;
    }
    for (size_t at = begin; at < end; ++at) fragment.push_back(static_cast<uint8_t>(at));
    if (family == Family::kIpv4) {
      put16(fragment, 2, static_cast<unsigned>(fragment.size()));
      set_ipv4_checksum(fragment);
    } else {
      put16(fragment, 4, static_cast<unsigned>(fragment.size() - 40));
    }
    return fragment;
  }
  Packets cut(size_t piece_bytes) const {
    Packets parts;
    for (size_t at = 0; at < payload_bytes(); at += piece_bytes) {
      const size_t end = std::min(at + piece_bytes, payload_bytes());
      parts.push_back(part(at, end, end == payload_bytes()));
    }
    return parts;
  }
};

struct Reassembling : BuffersAreGivenBack {
  PacketCounters counters;
  WorkerContext context{0, nullptr, packet_pool(), &counters, 0, 1'000'000};
  Reassembly reassembly{context, 64};
  uint64_t given = 0, whole = 0;

  ~Reassembling() {
    reassembly.clear(DropReason::shutting_down);
    check_accounting();
    BOOST_TEST(counters.held.value() == 0u);
  }
  void check_accounting() {
    BOOST_TEST(given == whole + all_dropped() + counters.joined.value() + counters.held.value());
  }
  uint64_t dropped(DropReason reason) const { return counters.dropped[static_cast<size_t>(reason)].value(); }
  uint64_t all_dropped() const {
    uint64_t sum = 0;
    for (const Counter& counter : counters.dropped) sum += counter.value();
    return sum;
  }
  // The packet that this fragment completes, or nothing.
  Bytes add(rte_mbuf* packet) {
    const ParsedIp parsed = parse_ip(packet);
    BOOST_REQUIRE((parsed.ok && parsed.ip.is_fragment));
    ++given;
    const auto done = reassembly.add({.packet = packet, .ip = parsed.ip, .port = 7, .origin = Origin::kWire});
    if (!done) return {};
    ++whole;
    BOOST_TEST(done->packet->nb_segs == 1);
    BOOST_TEST(done->ip.total_bytes == rte_pktmbuf_pkt_len(done->packet));
    BOOST_TEST(!done->ip.is_fragment);
    BOOST_TEST(done->port == 7);
    Bytes bytes = bytes_of(done->packet);
    rte_pktmbuf_free(done->packet);
    return bytes;
  }
  Bytes add(const Bytes& fragment) { return add(packet_from(fragment)); }
  // Nothing comes before the last of them.
  Bytes add_all(const Packets& fragments) {
    for (size_t i = 0; i + 1 < fragments.size(); ++i) BOOST_TEST(add(fragments[i]).empty());
    return add(fragments.back());
  }
  void pass_seconds(double seconds) {
    context.now_tsc += static_cast<uint64_t>(seconds * static_cast<double>(rte_get_tsc_hz()));
    reassembly.expire();
  }
  // All of these end under one reason, and a good packet of the same flow still comes through.
  void check_spoiled(const Whole& packet, const Packets& fragments, DropReason reason) {
    const uint64_t before = dropped(reason), all_before = all_dropped();
    for (const Bytes& fragment : fragments) BOOST_TEST(add(fragment).empty());
    BOOST_TEST(dropped(reason) == before + fragments.size());
    BOOST_TEST(all_dropped() == all_before + fragments.size());
    BOOST_TEST(counters.held.value() == 0u);
    pass_seconds(kReassemblySeconds + 0.1);
    BOOST_TEST(reassembly.empty());
    BOOST_TEST(add_all(packet.cut(80)) == packet.bytes);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(reassembly, Reassembling)

BOOST_AUTO_TEST_CASE(fragments_in_every_order_make_the_packet) {
  for (const Family family : kFamilies) {
    const Whole packet(family, 301);
    Packets fragments = packet.cut(80);
    BOOST_REQUIRE(fragments.size() == 4);
    std::ranges::sort(fragments);
    do {
      BOOST_TEST(add_all(fragments) == packet.bytes);
    } while (std::ranges::next_permutation(fragments).found);
  }
  BOOST_TEST(all_dropped() == 0u);
}

BOOST_AUTO_TEST_CASE(packets_of_many_sizes_and_identifications_do_not_mix) {
  std::mt19937 random(11);
  for (unsigned round = 0; round < 50; ++round) {
    std::vector<Whole> packets;
    Packets fragments;
    for (unsigned i = 0; i < 12; ++i) {
      Whole& packet = packets.emplace_back(kFamilies[i % 2], 50 + random() % 1000);
      packet.identification = 1000 + i;
      if (packet.family == Family::kIpv4) {
        put16(packet.bytes, 4, packet.identification);
        set_ipv4_checksum(packet.bytes);
      }
      const size_t piece = (packet.payload_bytes() / (2 + random() % 3) + 8) / 8 * 8;
      for (const Bytes& part : packet.cut(piece)) fragments.push_back(part);
    }
    std::ranges::shuffle(fragments, random);
    Packets made, due;
    for (const Bytes& fragment : fragments) {
      if (const Bytes one = add(fragment); !one.empty()) made.push_back(one);
    }
    for (const Whole& packet : packets) due.push_back(packet.bytes);
    std::ranges::sort(made);
    std::ranges::sort(due);
    BOOST_TEST((made == due));
  }
  BOOST_TEST(all_dropped() == 0u);
}

BOOST_AUTO_TEST_CASE(headers_come_from_the_first_fragment) {
  const Bytes payload = counted_bytes(100);
  const Bytes options{7, 3, 4, 0};
  Bytes whole = ipv4_packet({.protocol = kProtocolAh, .options = options}, payload);
  Bytes first(whole.begin(), whole.begin() + 24 + 48), later(whole.begin(), whole.begin() + 20);
  put16(first, 2, static_cast<unsigned>(first.size()));
  put16(first, 6, 0x2000);
  set_ipv4_checksum(first);
  later.insert(later.end(), whole.begin() + 24 + 48, whole.end());
  later[0] = 0x45;
  put16(later, 2, static_cast<unsigned>(later.size()));
  put16(later, 6, 48 / 8);
  set_ipv4_checksum(later);
  BOOST_TEST(add_all({later, first}) == whole);
}

BOOST_AUTO_TEST_CASE(the_fragment_header_leaves_an_ipv6_header_chain_whole) {
  const Bytes payload = counted_bytes(64);
  const auto fragment = [&](unsigned offset_more, size_t begin, size_t end) {
    const Bytes header{
        kProtocolEsp, 0, static_cast<uint8_t>(offset_more >> 8), static_cast<uint8_t>(offset_more), 0, 0, 0, 9};
    const Bytes chain = extension_header(kProtocolRouting, 16) + extension_header(kProtocolFragment);
    return ipv6_packet(
        {.next_header = kProtocolHopByHop},
        chain + header + Bytes(payload.begin() + static_cast<long>(begin), payload.begin() + static_cast<long>(end)));
  };
  const Bytes whole = ipv6_packet({.next_header = kProtocolHopByHop},
                                  extension_header(kProtocolRouting, 16) + extension_header(kProtocolEsp) + payload);
  BOOST_TEST(add_all({fragment(1, 0, 24), fragment(24, 24, 64)}) == whole);
}

BOOST_AUTO_TEST_CASE(chained_fragments_are_put_together_too) {
  const Whole packet(Family::kIpv4, 400);
  const Packets parts = packet.cut(200);
  BOOST_TEST(add(chained_packet_from(parts[1], 20, 60)).empty());
  BOOST_TEST(add(chained_packet_from(parts[0], 70, 33)) == packet.bytes);
}

BOOST_AUTO_TEST_CASE(congestion_that_one_fragment_met_the_packet_has_met) {  // RFC 3168 section 5.3
  for (const Family family : kFamilies) {
    for (uint8_t ecn = 0; ecn < 4; ++ecn) {
      const Whole packet(family, 160, ecn), marked(family, 160, 3);
      const Whole due(family, 160, static_cast<uint8_t>(ecn == 0 ? 0 : 3));
      BOOST_TEST(add_all({packet.cut(80)[0], marked.cut(80)[1]}) == due.bytes);
    }
  }
}

BOOST_AUTO_TEST_CASE(overlapping_fragments_take_their_packet_with_them) {  // RFC 5722
  for (const Family family : kFamilies) {
    const Whole packet(family, 240);
    const auto part = [&](size_t begin, size_t end) { return packet.part(begin, end, end == 240); };
    const Packets cases[] = {
        {part(0, 80), part(72, 160), part(160, 240)},  {part(72, 160), part(0, 80), part(160, 240)},
        {part(0, 160), part(80, 120), part(160, 240)}, {part(80, 120), part(0, 160), part(160, 240)},
        {part(80, 160), part(80, 152), part(0, 80)},   {part(160, 240), part(152, 168), part(0, 80), part(80, 160)},
    };
    for (const Packets& fragments : cases) check_spoiled(packet, fragments, DropReason::fragment_overlap);
  }
}

BOOST_AUTO_TEST_CASE(fragments_that_disagree_about_the_end_take_their_packet_with_them) {
  for (const Family family : kFamilies) {
    const Whole packet(family, 240);
    const Packets cases[] = {
        {packet.part(160, 240, true), packet.part(240, 320, false), packet.part(0, 160, false)},
        {packet.part(160, 240, true), packet.part(240, 320, true), packet.part(0, 160, false)},
        {packet.part(160, 240, true), packet.part(160, 240, false)},
        {packet.part(160, 240, false), packet.part(160, 240, true), packet.part(80, 100, true)},
        {packet.part(160, 240, false), packet.part(80, 160, true)},
    };
    for (const Packets& fragments : cases) {
      check_spoiled(packet, fragments, DropReason::fragment_overlap);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_fragment_that_is_there_already_goes_alone) {  // RFC 8200 section 4.5
  for (const Family family : kFamilies) {
    const Whole packet(family, 240);
    const Packets parts = packet.cut(80);
    BOOST_TEST(add_all({parts[2], parts[2], parts[0], parts[0], parts[1]}) == packet.bytes);
  }
  BOOST_TEST(dropped(DropReason::fragment_overlap) == 4u);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_a_fragment_is_malformed) {
  for (const Family family : kFamilies) {
    const Whole packet(family, 240);
    for (const Bytes& bad : {packet.part(0, 81, false), packet.part(80, 80, true), packet.part(80, 80, false),
                             packet.part(65528, 65544, true), packet.part(65528, 65536, false)}) {
      BOOST_TEST(add(bad).empty());
    }
  }
  BOOST_TEST(dropped(DropReason::malformed) == 10u);
  BOOST_TEST(reassembly.empty());
}

BOOST_AUTO_TEST_CASE(a_packet_that_no_buffer_holds_is_given_up_at_once) {
  for (const Family family : kFamilies) {
    const size_t header_bytes = family == Family::kIpv4 ? 20 : 40;
    const Whole largest(family, kBufferBytes - header_bytes), larger(family, kBufferBytes - header_bytes + 1);
    BOOST_TEST(add_all(largest.cut(1400)) == largest.bytes);
    check_spoiled(Whole(family, 240), larger.cut(1400), DropReason::no_room);
  }
}

BOOST_AUTO_TEST_CASE(a_packet_that_lacks_a_fragment_is_given_up_in_time) {
  for (const Family family : kFamilies) {
    const Packets parts = Whole(family, 240).cut(80);
    add(parts[0]);
    pass_seconds(1);
    add(parts[1]);
    pass_seconds(0.9);
    BOOST_TEST(counters.held.value() == 2u);
    check_accounting();
    pass_seconds(0.2);
    BOOST_TEST(counters.held.value() == 0u);
    BOOST_TEST(add(parts[2]).empty());  // of a packet that is begun anew
    pass_seconds(3);
  }
  BOOST_TEST(dropped(DropReason::reassembly_timeout) == 6u);
}

BOOST_AUTO_TEST_CASE(a_flood_of_first_fragments_pushes_out_the_oldest) {
  Whole packet(Family::kIpv4, 240);
  for (packet.identification = 0; packet.identification < 1000; ++packet.identification) {
    BOOST_TEST(add(packet.cut(80)[0]).empty());
    BOOST_TEST(counters.held.value() <= 64u);
  }
  BOOST_TEST(dropped(DropReason::reassembly_full) == 1000u - 64);
  BOOST_TEST(add_all(Whole(Family::kIpv6, 240).cut(80)) == Whole(Family::kIpv6, 240).bytes);
}

BOOST_AUTO_TEST_CASE(a_flood_of_packets_that_are_spoiled_pushes_out_the_oldest) {
  Whole packet(Family::kIpv6, 240);
  for (packet.identification = 0; packet.identification < 1000; ++packet.identification) {
    add(packet.part(0, 80, false));
    add(packet.part(8, 80, false));
  }
  BOOST_TEST(dropped(DropReason::fragment_overlap) == 2000u);
  BOOST_TEST(add_all(Whole(Family::kIpv4, 240).cut(80)) == Whole(Family::kIpv4, 240).bytes);
}

BOOST_AUTO_TEST_CASE(tiny_fragments_are_bounded_by_their_number) {
  Whole packet(Family::kIpv4, 8 * kMaxFragments);
  BOOST_TEST(add_all(packet.cut(8)) == packet.bytes);
  check_spoiled(Whole(Family::kIpv4, 240), Whole(Family::kIpv4, 8 * kMaxFragments + 8).cut(8),
                DropReason::reassembly_full);
}

BOOST_AUTO_TEST_CASE(random_fragments_are_all_accounted_for) {
  std::mt19937 random(3);
  for (unsigned i = 0; i < 20000; ++i) {
    Whole packet(kFamilies[random() % 2], 400);
    packet.identification = static_cast<uint32_t>(random() % 40);
    const bool fits = random() % 16 != 0;  // among the others of its packet
    const size_t begin = random() % 4 * 8, end = begin + (fits ? 8 : 1 + random() % 90);
    add(packet.part(begin, end, begin > 0 && (fits ? begin == 24 : random() % 2 == 0)));
    if (random() % 50 == 0) pass_seconds(0.3);
    if (i % 1000 == 0) check_accounting();
  }
  BOOST_TEST(whole > 100u);
  BOOST_TEST(dropped(DropReason::fragment_overlap) > 100u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
