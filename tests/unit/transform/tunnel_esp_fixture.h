// A gateway with some pairs of SAs, a tun and the esp around it, that works in one of two ways: both SAs at once
// (transform/tunnel_esp.h), or one after the other, as any two SAs of a group. Two that are made alike must do alike.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sa/sa_group.h"
#include "transform/step_fixture.h"
#include "transform/tunnel_esp.h"

namespace spigrp::test {

// What a pair is made from. Gateways that are made from the same have the same keys and the same numbers.
struct PairSpec {
  std::string algorithm = "aes128gcm16";
  bool extended_sequence = false;
  Family outer = Family::kIpv4;
  OuterHeader header{};
  uint16_t replay_window = kDefaultReplayWindow;
  uint64_t sent = 5;  // of the esp SA: numbers are far from their ends
  LifetimeSpec tunnel_lifetime{}, esp_lifetime{};
  uint64_t received = 0;
};

// Extended numbers are refused to SAs that could not tell which they are.
inline bool can_be_made(const PairSpec& spec) {
  const bool has_icv = find_esp_algorithm(spec.algorithm, 0).value().icv_bytes() != 0;
  return !spec.extended_sequence || (has_icv && spec.replay_window != 0);
}

struct SaPair {
  std::unique_ptr<Sa> tunnel, esp;
  std::unique_ptr<SaGroup> group;
};

inline SaPair pair_made(const PairSpec& from, size_t number) {
  const bool is_ipv4 = from.outer == Family::kIpv4;
  const std::string name =
      (is_ipv4 ? "." : ":") + std::to_string(1000 + number) + "@" + std::string(is_ipv4 ? kThere : kThere6);
  const std::string_view source = is_ipv4 ? kHere : kHere6;
  SaSpec tunnel;
  tunnel.id = parse_sa_id("tun" + name).value();
  tunnel.source = address(source);
  tunnel.tunnel_destination = tunnel.id.destination;
  tunnel.outer = from.header;
  tunnel.lifetime = from.tunnel_lifetime;
  SaSpec esp = keyed_spec("esp" + name, source, from.algorithm);
  esp.extended_sequence = from.extended_sequence;
  esp.replay_window = from.replay_window;
  esp.sent = from.sent;
  esp.received = from.received;
  esp.lifetime = from.esp_lifetime;
  SaPair pair{made(tunnel), made(esp), nullptr};
  pair.esp->iv_offset = 0x0f1e2d3c4b5a6978 ^ number << 13;
  const std::array<Sa*, 2> members{pair.tunnel.get(), pair.esp.get()};
  pair.group = std::make_unique<SaGroup>(members);
  return pair;
}

struct PairPacket {
  size_t pair;  // its number
  Bytes bytes;
};
using PairPackets = std::vector<PairPacket>;

enum class Way : uint8_t { kAtOnce, kOneByOne };

class PairGateway {
 public:
  // One has its SAs for itself, the other might share them: that must make no difference either.
  PairGateway(Way way, const std::vector<PairSpec>& specs) : way_(way) {
    context.writers = way == Way::kAtOnce ? Writers::kOne : Writers::kMany;
    for (const PairSpec& spec : specs) pairs.push_back(pair_made(spec, pairs.size()));
  }

  // Of a burst, by place in it: what became of each packet, or nothing where it was dropped. Those of one pair keep
  // their order.
  std::vector<Bytes> encapped(const PairPackets& packets) {
    for (const PairPacket& packet : packets) {
      const Overhead room = pairs[packet.pair].group->overhead();
      push(packet, {room.head_bytes, room.tail_bytes}, 0);
    }
    if (way_ == Way::kAtOnce) {
      encap_tunnel_in_esp(context, burst_);
    } else {
      encap_tunnel(context, burst_);
      for (BurstEntry& entry : burst_) entry.sa = entry.group->at(1);
      encap_esp(context, burst_);
    }
    return take(packets.size());
  }

  std::vector<Bytes> decapped(const PairPackets& packets) {
    for (const PairPacket& packet : packets) push(packet, {0, kUpperSequenceBytes}, 2);
    IpPacket inner[kBurstCapacity];
    if (way_ == Way::kAtOnce) {
      decap_tunnel_in_esp(context, burst_, inner);
    } else {
      decap_esp(context, burst_);
      keep_those([](const IpPacket& ip) { return is_tunnel_protocol(ip.next_header); }, inner);
      for (BurstEntry& entry : burst_) entry.sa = entry.group->at(0);
      decap_tunnel(context, burst_);
      keep_those([](const IpPacket&) { return true; }, inner);
    }
    for (uint16_t place = 0; place < burst_.count; ++place) {
      const ParsedIp parsed = parse_ip(burst_.entries[place].packet);
      BOOST_TEST(parsed.ok);
      BOOST_TEST((inner[place].family == parsed.ip.family));
      BOOST_TEST(inner[place].next_header == parsed.ip.next_header);
      BOOST_TEST(inner[place].next_header_offset == parsed.ip.next_header_offset);
      BOOST_TEST(inner[place].header_bytes == parsed.ip.header_bytes);
      BOOST_TEST(inner[place].is_fragment == parsed.ip.is_fragment);
      BOOST_TEST(inner[place].total_bytes == parsed.ip.total_bytes);
    }
    return take(packets.size());
  }

  uint64_t drops(DropReason reason) const { return counters.dropped[static_cast<size_t>(reason)].value(); }

  PacketCounters counters;
  WorkerContext context{0, &engine(), packet_pool(), &counters, 0, 1000, &deflate()};
  std::vector<SaPair> pairs;

 private:
  static constexpr uint8_t kUntouched = 0xa5;
  static constexpr uint16_t kGuardBytes = 64;
  struct Bounds {
    uint8_t *start, *end;  // nothing else may be written
  };

  void push(const PairPacket& packet, Overhead room, uint8_t step) {
    const SaPair& pair = pairs[packet.pair];
    rte_mbuf* buffer = make_writable(packet_from(packet.bytes), room.head_bytes, room.tail_bytes, packet_pool());
    auto* data = rte_pktmbuf_mtod(buffer, uint8_t*);
    const auto tag = burst_.count;
    bounds_[tag] = {data - room.head_bytes, data + packet.bytes.size() + room.tail_bytes};
    std::memset(static_cast<uint8_t*>(buffer->buf_addr), kUntouched, rte_pktmbuf_headroom(buffer));
    std::memset(data + packet.bytes.size(), kUntouched, room.tail_bytes + kGuardBytes);
    burst_.push({buffer, step == 0 ? pair.tunnel.get() : pair.esp.get(), pair.group.get(), 0, step, tag});
  }

  static bool is_untouched(const uint8_t* start, const uint8_t* end) {
    return std::all_of(start, end, [](uint8_t byte) { return byte == kUntouched; });
  }

  // As the engine does between two SAs.
  template <class Keep>
  void keep_those(Keep&& keep, IpPacket* inner) {
    uint16_t kept = 0;
    for (uint16_t place = 0; place < burst_.count; ++place) {
      const BurstEntry entry = burst_.entries[place];
      if (const auto wrong = read_ip(entry.packet, inner[kept])) {
        context.drop(entry.packet, *wrong);
      } else if (!keep(inner[kept])) {
        context.drop(entry.packet, DropReason::group_mismatch);
      } else {
        burst_.entries[kept++] = entry;
      }
    }
    burst_.count = kept;
  }

  std::vector<Bytes> take(size_t count) {
    std::vector<Bytes> packets(count);
    std::vector<int> last_tags(pairs.size(), -1);
    for (const BurstEntry& entry : burst_) {
      BOOST_TEST(rte_pktmbuf_pkt_len(entry.packet) == rte_pktmbuf_data_len(entry.packet));
      const auto number =
          static_cast<size_t>(std::find_if(pairs.begin(), pairs.end(),
                                           [&](const SaPair& pair) { return pair.group.get() == entry.group; }) -
                              pairs.begin());
      BOOST_TEST(last_tags.at(number) < int{entry.tag});
      last_tags[number] = entry.tag;
      const Bounds& bounds = bounds_[entry.tag];
      BOOST_TEST(is_untouched(
          bounds.start - std::min<ptrdiff_t>(kGuardBytes, bounds.start - static_cast<uint8_t*>(entry.packet->buf_addr)),
          bounds.start));
      BOOST_TEST(is_untouched(bounds.end, bounds.end + kGuardBytes));
      packets[entry.tag] = bytes_of(entry.packet);
      rte_pktmbuf_free(entry.packet);
    }
    burst_.clear();
    return packets;
  }

  Way way_;
  Burst burst_;
  std::array<Bounds, kBurstCapacity> bounds_;
};

inline uint64_t number_at(const Bytes& packet, size_t at, size_t bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < bytes; ++i) number = number << 8 | packet.at(at + i);
  return number;
}

// As many bytes in all, a header's at least.
inline Bytes sized_packet(Family family, size_t bytes) {
  return family == Family::kIpv4 ? ipv4_packet({}, counted_bytes(std::max<size_t>(bytes, 20) - 20))
                                 : ipv6_packet({}, counted_bytes(std::max<size_t>(bytes, 40) - 40));
}

class PairsFixture : public BuffersAreGivenBack {
 public:
  // Two for each way: the near ones encapsulate, the far ones have the same SAs at the other end.
  explicit PairsFixture(const std::vector<PairSpec>& specs = {{}})
      : near_at_once(Way::kAtOnce, specs),
        near_one_by_one(Way::kOneByOne, specs),
        far_at_once(Way::kAtOnce, specs),
        far_one_by_one(Way::kOneByOne, specs) {}

  PairGateway near_at_once, near_one_by_one, far_at_once, far_one_by_one;

  // Of a burst; what came out of both at once.
  std::vector<Bytes> encapped(const PairPackets& packets) {
    const std::vector<Bytes> at_once = near_at_once.encapped(packets), others = near_one_by_one.encapped(packets);
    for (size_t i = 0; i < packets.size(); ++i) {
      const SaPair& pair = near_at_once.pairs[packets[i].pair];
      BOOST_REQUIRE(at_once[i].size() == others[i].size());
      if (!at_once[i].empty()) check_same_packet(pair, at_once[i], others[i]);
    }
    check_same_counters(near_at_once, near_one_by_one, packets);
    return at_once;
  }

  // The same of bursts that come in.
  std::vector<Bytes> decapped(const PairPackets& packets) {
    const std::vector<Bytes> at_once = far_at_once.decapped(packets), others = far_one_by_one.decapped(packets);
    for (size_t i = 0; i < packets.size(); ++i) BOOST_TEST(at_once[i] == others[i]);
    check_same_counters(far_at_once, far_one_by_one, packets);
    return at_once;
  }

  // Through both gateways; it must come out as it went in.
  void pass(const PairPackets& packets) {
    const std::vector<Bytes> sent = encapped(packets);
    PairPackets received;
    for (size_t i = 0; i < packets.size(); ++i) received.push_back({packets[i].pair, sent[i]});
    const std::vector<Bytes> arrived = decapped(received);
    for (size_t i = 0; i < packets.size(); ++i) BOOST_TEST(arrived[i] == packets[i].bytes);
  }

  // Of one packet that comes in: the name of the reason for which it is dropped, or "kept".
  std::string_view outcome(const PairPacket& packet) {
    std::array<uint64_t, kDropReasonCount> before{};
    for (size_t i = 0; i < kDropReasonCount; ++i) before[i] = far_at_once.counters.dropped[i].value();
    const bool kept = !decapped({packet})[0].empty();
    for (size_t i = 0; i < kDropReasonCount; ++i) {
      if (far_at_once.counters.dropped[i].value() == before[i]) continue;
      BOOST_TEST(!kept);
      return drop_reason_name(static_cast<DropReason>(i));
    }
    BOOST_TEST(kept);
    return "kept";
  }

 private:
  // The outer IPv4 identification is the end of the IV where both are put on by this transform. Where IVs are drawn,
  // what is behind them cannot be the same; it is looked at where it comes in.
  static void check_same_packet(const SaPair& pair, const Bytes& at_once, Bytes other) {
    const bool is_ipv4 = pair.tunnel->tunnel.family == Family::kIpv4;
    const size_t esp_at = is_ipv4 ? 20 : 40;
    if (is_ipv4) {
      BOOST_TEST(plain_checksum(std::span(at_once).first(20)) == 0);
      BOOST_TEST(plain_checksum(std::span(other).first(20)) == 0);
      const bool has_counted_iv = pair.esp->iv_bytes == kCountedIvBytes && !pair.esp->esp_job.takes_random_iv;
      const uint64_t counter =
          has_counted_iv ? number_at(at_once, esp_at + 8, 8) : number_at(at_once, esp_at + 4, 4) ^ pair.esp->iv_offset;
      const uint64_t found = number_at(at_once, 4, 2);
      BOOST_TEST(found == (counter & 0xffff));
      put16(other, 4, static_cast<unsigned>(found));
      set_ipv4_checksum(other);
    }
    if (pair.esp->esp_job.takes_random_iv) {
      BOOST_TEST(std::equal(other.begin(), other.begin() + static_cast<long>(esp_at) + 8, at_once.begin()));
    } else {
      BOOST_TEST(at_once == other);
    }
  }

  static void add_numbers_of(const Sa& sa, std::vector<uint64_t>& numbers) {
    const SaCounters& counters = sa.counters;
    for (const std::atomic<uint64_t>* counter :
         {&counters.packets, &counters.bytes, &counters.first_used_tsc, &counters.last_used_tsc,
          &counters.authentication_failures, &counters.replays, &counters.outside_window, &counters.malformed,
          &counters.exhausted, &counters.expired}) {
      numbers.push_back(counter->load());
    }
    numbers.insert(numbers.end(), {sa.sequence.sent(), sa.replay.highest(), sa.replay.newest_bits()});
    if (sa.lifetime != nullptr) {
      numbers.insert(numbers.end(), {sa.lifetime->packets_taken(), sa.lifetime->bytes_taken()});
    }
  }

  static std::vector<uint64_t> numbers_of(const PairGateway& gateway, const PairPackets& packets) {
    std::vector<uint64_t> numbers;
    for (const Counter& counter : gateway.counters.dropped) numbers.push_back(counter.value());
    std::set<size_t> used;
    for (const PairPacket& packet : packets) used.insert(packet.pair);
    for (const size_t pair : used) {
      add_numbers_of(*gateway.pairs[pair].tunnel, numbers);
      add_numbers_of(*gateway.pairs[pair].esp, numbers);
    }
    return numbers;
  }

  // Drops by reason, then of each pair that has packets there what its tun SA counts, and its esp SA, in the order
  // above.
  static void check_same_counters(const PairGateway& at_once, const PairGateway& other, const PairPackets& packets) {
    const std::vector<uint64_t> found = numbers_of(at_once, packets), wanted = numbers_of(other, packets);
    if (found != wanted) BOOST_TEST(found == wanted, boost::test_tools::per_element());
  }
};

}  // namespace spigrp::test
