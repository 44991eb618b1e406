// Every size through every shape of a group: what a host sends through one gateway comes out of the other byte for
// byte, up to jumbo packets, in whatever way the buffers hold it. What is on the wire is for the end-to-end tests.
#include <numeric>
#include <span>

#include "gateway_fixture.h"

namespace spigrp::test {
namespace {

constexpr size_t kLargestPayload = 9600, kSmallPayload = 1500;
constexpr uint16_t kRoomyMtu = 10000;  // bytes; so that every packet leaves whole, with every group around it

GatewayPlan with_mtus(GatewayPlan plan, uint16_t wan_mtu_bytes) {
  plan.wan_mtu_bytes = wan_mtu_bytes;
  plan.lan_mtu_bytes = kRoomyMtu;
  return plan;
}

// Something that comp shrinks by half or so.
const Bytes& stuff() {
  static const Bytes bytes = [] {
    Bytes made(kLargestPayload + 256);
    uint32_t state = 1;
    for (size_t i = 0; i < made.size(); ++i) {
      state = state * 1664525 + 1013904223;
      made[i] = i % 2 == 0 ? static_cast<uint8_t>(state >> 24) : static_cast<uint8_t>(i / 512);
    }
    return made;
  }();
  return bytes;
}

Bytes host_packet(Family family, size_t payload_bytes) {
  const auto begin = stuff().begin() + static_cast<long>(payload_bytes % 256);
  const Bytes payload(begin, begin + static_cast<long>(payload_bytes));
  const bool is_ipv4 = family == Family::kIpv4;
  const Words words{is_ipv4 ? "10.1.0.2" : "fd00:1::2", is_ipv4 ? "10.2.0.2" : "fd00:2::2", 64, 253};
  return ip_packet(words, payload);
}

using Shape = std::vector<std::string_view>;  // protocols, inside → outside

std::string text(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::string(),
                         [](std::string all, std::string_view one) { return all + ' ' + std::string(one); });
}

// The near gateway leads all traffic of both families to one group, which the far one takes off.
struct FamilyPair {
  Gateway far, near;

  FamilyPair(const Shape& shape, Family outer, uint16_t wan_mtu_bytes = kRoomyMtu, const OuterHeader& header = {})
      : far(with_mtus(kFar, wan_mtu_bytes)), near(with_mtus(kNear, wan_mtu_bytes)) {
    const bool is_ipv4 = outer == Family::kIpv4;
    std::vector<std::string> ids;
    for (size_t place = 0; place < shape.size(); ++place) {
      ids.push_back(std::string(shape[place]) + (is_ipv4 ? '.' : ':') + std::to_string(200 + place) +
                    (is_ipv4 ? "@192.0.2.2" : "@2001:db8::2"));
    }
    for (Gateway* gateway : {&near, &far}) {
      std::vector<SaId> members;
      for (const std::string& id : ids) {
        gateway->add_sa(id, is_ipv4 ? "192.0.2.1" : "2001:db8::1", header);
        members.push_back(parse_sa_id(id).value());
      }
      if (ids.size() > 1) gateway->edit_sas([&](SaEdit& edit) { Gateway::require(edit.group(members)); });
    }
    near.eroute("10.1.0.0/16", "10.2.0.0/16", ids[0]);
    near.eroute("fd00:1::/32", "fd00:2::/32", ids[0]);
  }

  Packets through(const Packets& packets) {
    near.receive(kLan, packets);
    far.receive(kWan, near.packets(kWan));
    return far.packets(kLan);
  }
  // One burst; false where anything else comes out than what went in.
  bool carries(const Packets& sent) {
    Packets due;
    for (const Bytes& packet : sent) due.push_back(two_hops_on(packet));
    return through(sent) == due;
  }
};

// Without a tun SA a group ends where its packets do: a host behind the far gateway, which protects what it sends, asks
// the near gateway itself, and that answers through a group of its own. `end` has the host's address, to take that off.
struct EchoTrio {
  Gateway far, near, end;
  std::string_view host, asked;

  EchoTrio(const Shape& shape, Family family, uint16_t near_mtu_bytes)
      : far(with_mtus(kFar, kRoomyMtu)),
        near(with_mtus(kNear, near_mtu_bytes)),
        end(end_plan()),
        host(family == Family::kIpv4 ? "10.2.0.2" : "fd00:2::2"),
        asked(family == Family::kIpv4 ? "10.1.0.1" : "fd00:1::1") {
    const std::vector<std::string> requests = group_towards(asked, host, shape, 300, {&far, &near});
    const std::vector<std::string> replies = group_towards(host, asked, shape, 200, {&near, &end});
    far.eroute(only(host), only(asked), requests[0]);
    near.eroute(only(asked), only(host), replies[0]);
  }
  static GatewayPlan end_plan() {
    GatewayPlan plan = with_mtus(kFar, kRoomyMtu);
    plan.lan = "10.2.0.2/24", plan.lan6 = "fd00:2::2/64", plan.lan_host = "10.2.0.3", plan.lan_host6 = "fd00:2::3";
    return plan;
  }
  static std::string only(std::string_view address) {
    return std::string(address) + (address.find(':') == std::string_view::npos ? "/32" : "/128");
  }
  static std::vector<std::string> group_towards(std::string_view destination, std::string_view source,
                                                const Shape& shape, size_t first_spi,
                                                std::initializer_list<Gateway*> gateways) {
    const char family = destination.find(':') == std::string_view::npos ? '.' : ':';
    std::vector<std::string> ids;
    std::vector<SaId> members;
    for (size_t place = 0; place < shape.size(); ++place) {
      ids.push_back(std::string(shape[place]) + family + std::to_string(first_spi + place) + '@' +
                    std::string(destination));
      members.push_back(parse_sa_id(ids.back()).value());
    }
    for (Gateway* gateway : gateways) {
      for (const std::string& id : ids) gateway->add_sa(id, source);
      if (ids.size() > 1) gateway->edit_sas([&](SaEdit& edit) { Gateway::require(edit.group(members)); });
    }
    return ids;
  }
  // As many answers as requests, with data of these sizes; each with every transform, in one piece or in many.
  bool answers(const std::vector<size_t>& sizes) {
    Packets requests;
    for (const size_t size : sizes) {
      const Bytes data(stuff().begin(), stuff().begin() + static_cast<long>(size));
      requests.push_back(icmp_packet({host, asked}, is_ipv4() ? 8 : 128, 0, Bytes{0, 1, 0, 1} + data));
    }
    const uint64_t before = end.sum(&PacketCounters::delivered);
    far.receive(kLan, requests);
    near.receive(kWan, far.packets(kWan));
    const Packets replies = near.packets(kWan);
    for (size_t at = 0; at < replies.size(); at += kBurstCapacity) {
      const auto begin = replies.begin() + static_cast<long>(at);
      end.receive(kWan,
                  Packets(begin, begin + static_cast<long>(std::min<size_t>(kBurstCapacity, replies.size() - at))));
    }
    return end.sum(&PacketCounters::delivered) == before + requests.size();
  }
  bool is_ipv4() const { return asked[0] == '1'; }
  uint64_t all_dropped() { return far.all_dropped() + near.all_dropped() + end.all_dropped(); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(size_sweep)

// HAZARDS 22. The four pairs of families inside and outside take turns; small packets go through each.
BOOST_AUTO_TEST_CASE(every_size_passes_through_every_shape_of_a_group_unchanged) {
  const std::vector<Shape> shapes = {{"tun"},
                                     {"tun", "esp"},
                                     {"tun", "ah"},
                                     {"tun", "esp", "ah"},
                                     {"tun", "ah", "esp"},
                                     {"tun", "comp"},
                                     {"tun", "comp", "esp"},
                                     {"tun", "comp", "esp", "ah"},
                                     {"tun", "esp", "tun", "ah"},
                                     {"tun", "esp", "ah", "tun"}};
  for (const Shape& shape : shapes) {
    FamilyPair over_ipv4(shape, Family::kIpv4), over_ipv6(shape, Family::kIpv6);
    for (size_t first = 1; first <= kLargestPayload; first += kBurstCapacity) {
      const size_t end = std::min(first + kBurstCapacity, kLargestPayload + 1);
      for (const size_t turn : {0, 1}) {
        if (turn == 1 && first > kSmallPayload) continue;
        Packets burst;
        for (size_t size = first; size < end; ++size) {
          burst.push_back(host_packet((size + turn) % 2 == 0 ? Family::kIpv4 : Family::kIpv6, size));
        }
        FamilyPair& pair = (first / kBurstCapacity + turn) % 2 == 0 ? over_ipv4 : over_ipv6;
        BOOST_REQUIRE_MESSAGE(pair.carries(burst), text(shape) << ", payloads of " << first << " … " << end - 1);
      }
    }
    for (FamilyPair* pair : {&over_ipv4, &over_ipv6}) {
      BOOST_TEST(pair->near.all_dropped() + pair->far.all_dropped() == 0u);
    }
  }
}

// Each size of small packets, and every third of large ones.
BOOST_AUTO_TEST_CASE(sizes_up_to_jumbo_packets_pass_through_every_shape_without_tunnel) {
  const std::vector<Shape> shapes = {{"esp"}, {"ah"}, {"comp"}, {"esp", "ah"}, {"comp", "esp"}, {"comp", "esp", "ah"}};
  std::vector<std::vector<size_t>> bursts(1);
  for (size_t size = 0; size <= kLargestPayload - 8; size += size < kSmallPayload ? 1 : 3) {
    if (bursts.back().size() == kBurstCapacity) bursts.emplace_back();
    bursts.back().push_back(size);
  }
  for (const Shape& shape : shapes) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      EchoTrio trio(shape, family, kRoomyMtu);
      for (const auto& sizes : bursts) {
        BOOST_REQUIRE_MESSAGE(trio.answers(sizes), text(shape) << ", data of " << sizes[0] << " … " << sizes.back());
      }
      BOOST_TEST(trio.all_dropped() == 0u);
    }
  }
}

// The gateway is the source of its answers, so those over IPv6 may be fragmented too (RFC 8200 section 4.5), after esp
// and ah (RFC 4303 section 3.3.4).
BOOST_AUTO_TEST_CASE(answers_too_large_for_the_port_leave_a_group_without_tunnel_in_fragments) {
  for (const Shape& shape : {Shape{"esp"}, Shape{"ah"}, Shape{"comp", "esp"}, Shape{"esp", "ah"}}) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      EchoTrio trio(shape, family, 1500);
      for (size_t size = 1380; size <= kLargestPayload - 8; size += size < 1500 ? 1 : 131) {
        BOOST_REQUIRE_MESSAGE(trio.answers({size}), text(shape) << ", data of " << size);
      }
      BOOST_TEST(trio.near.sum(&PacketCounters::originated) > trio.near.sum(&PacketCounters::encapsulated));
      BOOST_TEST(trio.all_dropped() == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(jumbo_packets_leave_in_fragments_and_are_put_together) {
  for (const Fragmentation when : {Fragmentation::kAfter, Fragmentation::kBefore}) {
    for (const Family outer : {Family::kIpv4, Family::kIpv6}) {
      for (const Shape& shape : {Shape{"tun"}, Shape{"tun", "esp", "ah"}, Shape{"tun", "comp", "esp"}}) {
        FamilyPair pair(shape, outer, 1500, {.fragment = when});
        for (size_t size = 1400; size <= kLargestPayload; size += 131) {
          const Bytes sent = host_packet(Family::kIpv4, size);
          const Packets got = pair.through({sent});
          BOOST_TEST((got.size() == 1 ? got[0] : joined(got)) == two_hops_on(sent), text(shape) << ", " << size);
        }
        BOOST_TEST(pair.near.all_dropped() + pair.far.all_dropped() == 0u);
      }
    }
  }
}

// HAZARDS 12. What others hold too stays as it is.
BOOST_AUTO_TEST_CASE(chained_shared_and_indirect_buffers_pass_and_are_left_alone) {
  for (const Shape& shape : {Shape{"tun"}, Shape{"tun", "comp", "esp", "ah"}}) {
    FamilyPair pair(shape, Family::kIpv4);
    for (size_t size = 1; size <= kLargestPayload; size += 67) {
      const Bytes sent = host_packet(size % 2 == 0 ? Family::kIpv4 : Family::kIpv6, size);
      const Bytes frame = pair.near.frame(kLan, sent);
      rte_mbuf* shared = pair.near.buffer(frame, 500);
      rte_mbuf* original = pair.near.buffer(frame);
      rte_mbuf* indirect = rte_pktmbuf_clone(original, pair.near.parts().buffers());
      BOOST_REQUIRE(indirect != nullptr);
      // Who shares an mbuf sees where its data begin move, but never the bytes change.
      std::vector<std::span<const uint8_t>> held;
      for (rte_mbuf* segment = shared; segment != nullptr; segment = segment->next) {
        rte_mbuf_refcnt_update(segment, 1);
        held.emplace_back(rte_pktmbuf_mtod(segment, const uint8_t*), segment->data_len);
      }
      std::array<rte_mbuf*, 3> arrived = {pair.near.buffer(frame, 64), shared, indirect};
      pair.near.worker().process(kLan, arrived.data(), arrived.size());
      pair.far.receive(kWan, pair.near.packets(kWan));
      BOOST_TEST((pair.far.packets(kLan) == Packets(3, two_hops_on(sent))), text(shape) << ", " << size);
      Bytes still_held;
      for (const auto& bytes : held) still_held.insert(still_held.end(), bytes.begin(), bytes.end());
      BOOST_TEST((still_held == frame && bytes_of(original) == frame));
      rte_pktmbuf_free(original);
      rte_pktmbuf_free(shared);
    }
    BOOST_TEST(pair.near.all_dropped() + pair.far.all_dropped() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(without_a_large_buffer_a_large_packet_is_dropped_and_small_ones_pass) {
  FamilyPair pair({"tun", "esp"}, Family::kIpv4);
  rte_mempool* large = pair.near.parts().large_buffers();
  std::vector<rte_mbuf*> taken;
  while (rte_mbuf* one = rte_pktmbuf_alloc(large)) taken.push_back(one);
  const Bytes small = host_packet(Family::kIpv4, 1000);
  BOOST_TEST((pair.through({host_packet(Family::kIpv4, 9000), small}) == Packets{two_hops_on(small)}));
  BOOST_TEST(pair.near.dropped(DropReason::no_room) == 1u);
  rte_pktmbuf_free_bulk(taken.data(), static_cast<unsigned>(taken.size()));
  BOOST_TEST(pair.carries({host_packet(Family::kIpv4, 9000), small}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
