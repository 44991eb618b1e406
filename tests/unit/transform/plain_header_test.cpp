// AH behind an IP header without options and extension headers, the fast way, beside what is done to any header: the
// same bytes are covered, sent and left; and AH taken off packets that have been read before, beside packets that have
// not: the same bytes, the same numbers, the same drops, whatever comes.
#include "transform/plain_header.h"

#include <random>

#include "transform/ah.h"
#include "transform/mutable_fields.h"
#include "transform/step_fixture.h"
#include "transform/usual_ah_bursts.h"

namespace spigrp {
using namespace test;

namespace {

constexpr Family kEachFamily[] = {Family::kIpv4, Family::kIpv6};
constexpr const char* kEachAlgorithm[] = {"hmac-md5-96",       "hmac-sha1-96", "hmac-sha2_256-128", "hmac-sha2_384-192",
                                          "hmac-sha2_512-256", "aes_xcbc-96",  "aes128gmac",        "aes256gmac"};

std::unique_ptr<Sa> ah_sa_of(std::string_view algorithm, Family family, bool extended) {
  const bool is_ipv4 = family == Family::kIpv4;
  SaSpec spec =
      keyed_spec(is_ipv4 ? "ah.1000@198.51.100.2" : "ah:1000@2001:db8:f::2", is_ipv4 ? kHere : kHere6, algorithm);
  spec.extended_sequence = extended;
  spec.sent = extended ? 0xffff'fff0 : 7;
  spec.received = spec.sent;
  auto sa = made(spec);
  sa->iv_offset = 0x0f1e2d3c4b5a6978;
  return sa;
}

// Any header fields that a whole packet may have.
Bytes random_packet(std::mt19937& random, Family family, size_t payload_bytes, uint8_t protocol = kProtocolUdp) {
  const auto byte = [&random] { return static_cast<uint8_t>(random()); };
  const Bytes payload = counted_bytes(payload_bytes, byte());
  if (family == Family::kIpv4) {
    return ipv4_packet({.protocol = protocol,
                        .tos = byte(),
                        .identification = static_cast<uint16_t>(random()),
                        .flags_fragment = static_cast<uint16_t>(random() & 0xc000),
                        .ttl = byte(),
                        .source = {byte(), byte(), byte(), byte()},
                        .destination = {byte(), byte(), byte(), byte()}},
                       payload);
  }
  return ipv6_packet({.next_header = protocol,
                      .traffic_class = byte(),
                      .flow_label = static_cast<uint32_t>(random() & 0xfffff),
                      .hop_limit = byte(),
                      .source = {byte(), 1, 2, byte()},
                      .destination = {byte(), 3, byte(), 4}},
                     payload);
}

struct HeaderForms {
  Bytes covered, whole;
  friend bool operator==(const HeaderForms&, const HeaderForms&) = default;
};

// Of a packet's header, with another length and protocol.
HeaderForms forms_by_general_way(const Bytes& packet, uint32_t total_bytes, uint8_t protocol) {
  ExactPacket exact(packet);
  const IpPacket ip = parse_ip(exact.get()).ip;
  rewrite_ip(exact.get(), ip, total_bytes, protocol);
  auto* header = rte_pktmbuf_mtod(exact.get(), uint8_t*);
  HeaderForms forms{{}, Bytes(header, header + ip.header_bytes)};
  BOOST_TEST(zero_mutable_fields(header, ip, Direction::kOutbound).kept());
  forms.covered = Bytes(header, header + ip.header_bytes);
  return forms;
}

template <Family family>
HeaderForms forms_of_plain(Bytes packet, uint32_t total_bytes, uint8_t protocol) {
  PlainHeader<family> header(packet.data());
  header.set(total_bytes, protocol);
  HeaderForms forms{Bytes(fixed_header_bytes(family)), Bytes(fixed_header_bytes(family))};
  header.front().covered().put(forms.covered.data());
  header.front().put(forms.whole.data());
  for (Bytes* form : {&forms.covered, &forms.whole}) header.put_addresses(form->data());
  return forms;
}

// What encap_ah makes of a packet, put together by what works on headers of any kind.
Bytes signed_by_general_way(const Sa& sa, const Bytes& plain, uint64_t sequence) {
  const IpPacket ip = parse_ip(ExactPacket(plain).get()).ip;
  const auto header_end = plain.begin() + ip.header_bytes;
  Bytes ah(sa.ah_header_bytes);
  ah[0] = ip.next_header;
  ah[1] = static_cast<uint8_t>(ah.size() / 4 - 2);
  std::memcpy(&ah[4], &sa.spi, 4);
  for (size_t i = 0; i < 4; ++i) ah[8 + i] = static_cast<uint8_t>(sequence >> (24 - 8 * i));
  const be64 iv = sa.counted_iv(sequence);
  std::memcpy(&ah[12], &iv, sa.iv_bytes);
  Bytes packet = Bytes(plain.begin(), header_end) + ah + Bytes(header_end, plain.end());
  const auto forms = forms_by_general_way(plain, static_cast<uint32_t>(packet.size()), kProtocolAh);
  std::ranges::copy(forms.covered, packet.begin());
  Bytes covered = packet;
  for (size_t i = 0; sa.extended_sequence && i < 4; ++i) {
    covered.push_back(static_cast<uint8_t>(sequence >> (56 - 8 * i)));
  }
  Bytes icv(kMaxIcvBytes);
  CryptoJob job{};
  job.keys = sa.keys->expanded();
  job.iv = &covered[ip.header_bytes + 12u];
  job.auth_start = covered.data();
  job.auth_bytes = static_cast<uint32_t>(covered.size());
  job.icv = icv.data();
  engine().protect({&job, 1});
  BOOST_TEST(job.ok);
  std::copy_n(icv.begin(), sa.icv_bytes, packet.begin() + ip.header_bytes + 12 + sa.iv_bytes);
  std::ranges::copy(forms.whole, packet.begin());
  return packet;
}

std::vector<uint64_t> numbers_of(const Sa& sa, const PacketCounters& counters) {
  std::vector<uint64_t> numbers;
  for (const Counter& counter : counters.dropped) numbers.push_back(counter.value());
  for (const std::atomic<uint64_t>* counter :
       {&sa.counters.packets, &sa.counters.bytes, &sa.counters.last_used_tsc, &sa.counters.authentication_failures,
        &sa.counters.replays, &sa.counters.outside_window, &sa.counters.malformed}) {
    numbers.push_back(counter->load());
  }
  numbers.insert(numbers.end(), {sa.replay.highest(), sa.replay.newest_bits()});
  return numbers;
}

bool is_same(const IpPacket& a, const IpPacket& b) {
  return a.family == b.family && a.next_header == b.next_header && a.next_header_offset == b.next_header_offset &&
         a.header_bytes == b.header_bytes && a.is_fragment == b.is_fragment && a.total_bytes == b.total_bytes;
}

// The same bursts by both ways of decap_ah(), each with an SA of its own.
class BothDecaps {
 public:
  BothDecaps(std::string_view algorithm, Family family, bool extended)
      : known_sa_(ah_sa_of(algorithm, family, extended)), other_sa_(ah_sa_of(algorithm, family, extended)) {
    other_.context.writers = Writers::kOne;
  }

  size_t usual_bursts = 0;

  // What is left of them, which must be the same.
  std::vector<Bytes> decapped(const std::vector<Bytes>& packets) {
    std::vector<Bytes> left = by_known_headers(packets);
    BOOST_TEST((left == by_reading(packets)));
    const auto found = numbers_of(*known_sa_, known_.counters), wanted = numbers_of(*other_sa_, other_.counters);
    BOOST_TEST(found == wanted, boost::test_tools::per_element());
    return left;
  }

 private:
  // As inbound.cpp has them: read, and cut to their lengths; those that cannot be are not there.
  template <class Push>
  static void each_in_order(const std::vector<Bytes>& packets, Push&& push) {
    for (const Bytes& packet : packets) {
      const ParsedIp parsed = parse_ip(ExactPacket(packet).get());
      if (parsed.ok) push(Bytes(packet.begin(), packet.begin() + parsed.ip.total_bytes), parsed.ip);
    }
  }

  std::vector<Bytes> by_known_headers(const std::vector<Bytes>& packets) {
    IpPacket headers[kBurstCapacity];
    each_in_order(packets, [&](const Bytes& packet, const IpPacket& ip) {
      headers[known_.burst.count] = ip;
      known_.push(*known_sa_, packet);
    });
    if (decap_usual_ah(known_.context, known_.burst, headers)) {
      ++usual_bursts;
    } else {
      decap_ah(known_.context, known_.burst, headers);
    }
    for (uint16_t place = 0; place < known_.burst.count; ++place) {
      const ParsedIp parsed = parse_ip(known_.burst.entries[place].packet);
      BOOST_TEST(parsed.ok);
      BOOST_TEST(is_same(parsed.ip, headers[place]));
    }
    return known_.take();
  }

  std::vector<Bytes> by_reading(const std::vector<Bytes>& packets) {
    each_in_order(packets, [&](const Bytes& packet, const IpPacket&) { other_.push(*other_sa_, packet); });
    decap_ah(other_.context, other_.burst);
    uint16_t kept = 0;
    for (const BurstEntry& entry : other_.burst) {
      IpPacket ip;
      if (const auto wrong = read_ip(entry.packet, ip)) {
        other_.context.drop(entry.packet, *wrong);
      } else {
        other_.burst.entries[kept++] = entry;
      }
    }
    other_.burst.count = kept;
    return other_.take();
  }

  std::unique_ptr<Sa> known_sa_, other_sa_;
  StepFixture known_, other_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(plain_header)

BOOST_AUTO_TEST_CASE(it_is_covered_and_put_as_any_header) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto total_bytes = static_cast<uint32_t>(40 + random() % 65'496);
    const auto protocol = static_cast<uint8_t>(random());
    const Bytes ipv4 = random_packet(random, Family::kIpv4, 1), ipv6 = random_packet(random, Family::kIpv6, 1);
    const bool same =
        forms_of_plain<Family::kIpv4>(ipv4, total_bytes, protocol) ==
            forms_by_general_way(ipv4, total_bytes, protocol) &&
        forms_of_plain<Family::kIpv6>(ipv6, total_bytes, protocol) == forms_by_general_way(ipv6, total_bytes, protocol);
    if (!same) BOOST_ERROR("packet " << i << " differs");
  }
}

BOOST_AUTO_TEST_CASE(a_packet_is_signed_as_by_the_general_way) {
  std::mt19937 random(2);
  for (const char* algorithm : kEachAlgorithm) {
    for (const Family family : kEachFamily) {
      for (const bool extended : {false, true}) {
        auto sa = ah_sa_of(algorithm, family, extended);
        StepFixture gateway;
        for (const size_t size : {0u, 1u, 3u, 4u, 15u, 16u, 33u, 64u, 128u, 900u}) {
          std::vector<Bytes> plain, wanted;
          for (size_t i = 0; i < 5; ++i) {
            plain.push_back(random_packet(random, family, size + i));
            wanted.push_back(signed_by_general_way(*sa, plain.back(), sa->sequence.sent() + i + 1));
          }
          for (const Bytes& packet : plain) gateway.push(*sa, packet);
          BOOST_REQUIRE(encap_usual_ah(gateway.context, gateway.burst));
          BOOST_TEST((gateway.take() == wanted));
        }
      }
    }
  }
}

// Both ways, of both families; each SA has its own numbers, window and counters.
BOOST_AUTO_TEST_CASE(packets_of_several_sas_may_be_mixed) {
  std::mt19937 random(4);
  std::vector<std::unique_ptr<Sa>> out, in;
  for (size_t i = 0; i < 6; ++i) {
    const char* const algorithm = kEachAlgorithm[i];
    out.push_back(ah_sa_of(algorithm, kEachFamily[i % 2], i == 3));
    in.push_back(ah_sa_of(algorithm, kEachFamily[i % 2], i == 3));
  }
  StepFixture gateway;
  std::vector<uint64_t> packets_of(out.size());
  for (int burst = 0; burst < 30; ++burst) {
    std::vector<Bytes> plain, wanted;
    std::vector<uint64_t> numbers;
    numbers.reserve(out.size());
    for (const auto& sa : out) numbers.push_back(sa->sequence.sent());
    std::vector<size_t> order(1 + random() % kBurstCapacity);
    size_t number = 0;
    for (size_t& of : order) of = number = random() % 3 == 0 ? random() % out.size() : number;
    for (const size_t of : order) {
      plain.push_back(random_packet(random, kEachFamily[of % 2], random() % 100, kProtocolEsp));
      wanted.push_back(signed_by_general_way(*out[of], plain.back(), ++numbers[of]));
      gateway.push(*out[of], plain.back());
      ++packets_of[of];
    }
    BOOST_REQUIRE(encap_usual_ah(gateway.context, gateway.burst));
    const std::vector<Bytes> sent = gateway.take();
    BOOST_TEST((sent == wanted));
    IpPacket headers[kBurstCapacity];
    for (size_t i = 0; i < sent.size(); ++i) {
      headers[i] = parse_ip(ExactPacket(sent[i]).get()).ip;
      gateway.push(*in[order[i]], sent[i]);
    }
    BOOST_REQUIRE(decap_usual_ah(gateway.context, gateway.burst, headers));
    BOOST_TEST((gateway.take() == plain));
  }
  for (size_t i = 0; i < out.size(); ++i) {
    BOOST_TEST(out[i]->counters.packets == packets_of[i]);
    BOOST_TEST(in[i]->counters.packets == packets_of[i]);
    BOOST_TEST(in[i]->counters.bytes == out[i]->counters.bytes);
    BOOST_TEST(in[i]->replay.highest() == out[i]->sequence.sent());
  }
}

// Far from its end a lifetime is counted in one go; near it the burst is left to who looks at each packet.
BOOST_AUTO_TEST_CASE(what_is_near_its_end_is_not_usual) {
  SaSpec spec = keyed_spec("ah.1000@198.51.100.2", kHere, "hmac-sha2_256-128");
  spec.sent = 7;
  spec.lifetime.hard.packets = (1u << 16) + 20;
  auto sa = made(spec);
  StepFixture gateway;
  const Bytes packet = ipv4_packet({}, counted_bytes(50));
  for (size_t i = 0; i < 21; ++i) {
    gateway.push(*sa, packet);
    BOOST_REQUIRE(encap_usual_ah(gateway.context, gateway.burst));
    gateway.take();
  }
  BOOST_TEST(sa->lifetime->packets_taken() == 21u);
  BOOST_TEST(sa->lifetime->bytes_taken() == 21u * packet.size());
  gateway.push(*sa, packet);
  BOOST_TEST(!encap_usual_ah(gateway.context, gateway.burst));
  IpPacket ip = parse_ip(gateway.burst.entries[0].packet).ip;
  BOOST_TEST(!decap_usual_ah(gateway.context, gateway.burst, &ip));
  BOOST_TEST((gateway.take() == std::vector<Bytes>{packet}));
  BOOST_TEST(encap_usual_ah(gateway.context, gateway.burst));  // nothing to do
  auto near_limit = ah_sa_of("hmac-sha2_256-128", Family::kIpv4, false);
  near_limit->sequence.reserve(Sequence::kLast32 - Sequence::kNear);
  gateway.push(*near_limit, packet);
  BOOST_TEST(!encap_usual_ah(gateway.context, gateway.burst));
  BOOST_TEST((gateway.take() == std::vector<Bytes>{packet}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(known_header)

Bytes options_for_ipv4() {
  return {1, 148, 4, 0, 0, 7, 7, 4, 1, 2, 3, 4};
}

// What may stand behind the IP header, by chance: extension headers too, also such as may not.
Bytes packet_with_anything(std::mt19937& random, Family family, bool only_plain) {
  const size_t size = random() % 120;
  switch (random() % (only_plain ? 6 : 8)) {
    case 0:
      return random_packet(random, family, size, kProtocolDestinationOptions);
    case 1:
      return random_packet(random, family, size, kProtocolHopByHop);
    case 6:
    case 7:
      if (family == Family::kIpv4) return ipv4_packet({.options = options_for_ipv4()}, counted_bytes(size));
      return ipv6_packet({.next_header = kProtocolHopByHop}, extension_header(kProtocolUdp, 16) + counted_bytes(size));
    default:
      return random_packet(random, family, size, kProtocolEsp);
  }
}

void damage(std::mt19937& random, Bytes& packet) {
  const size_t ipv4_header_bytes = packet[0] >> 4 == 4 ? (packet[0] & 0xf) * 4u : 20;
  if (packet.size() < 60 || ipv4_header_bytes < 20) return;  // enough is wrong with it
  switch (random() % 6) {
    case 0:
      packet[random() % packet.size()] ^= static_cast<uint8_t>(1 << random() % 8);
      return;
    case 1:
      packet.resize(1 + random() % packet.size());
      return;
    case 2:
      packet = packet + Bytes(random() % 60);
      return;
    case 3:
      packet.resize(std::max<size_t>(60, random() % packet.size()));
      packet = with_true_length(packet);
      return;
    case 4:
      packet[random() % packet.size()] ^= static_cast<uint8_t>(random() | 1);
      if (packet[0] >> 4 == 4) set_ipv4_checksum(packet);
      return;
  }
}

// Behind a plain header, so that the packet stays usual as a rule.
void damage_plain(std::mt19937& random, Bytes& packet) {
  const size_t header_bytes = packet[0] >> 4 == 4 ? 20 : 40;
  packet[header_bytes + random() % (packet.size() - header_bytes)] ^= static_cast<uint8_t>(1 << random() % 8);
}

// Each burst: what was sent, damaged, twice, or in another order. Every second one begins with what is usual.
BOOST_AUTO_TEST_CASE(whatever_comes_is_treated_as_what_has_not_been_read) {
  std::mt19937 random(3);
  for (const char* algorithm : kEachAlgorithm) {
    for (const Family family : kEachFamily) {
      for (const bool extended : {false, true}) {
        auto sa = ah_sa_of(algorithm, family, extended);
        StepFixture sender;
        BothDecaps receivers(algorithm, family, extended);
        size_t left = 0;
        for (int burst = 0; burst < 30; ++burst) {
          const bool only_plain = burst % 2 == 0;
          const size_t count = 1 + random() % 40;
          for (size_t i = 0; i < count; ++i) sender.push(*sa, packet_with_anything(random, family, only_plain));
          encap_ah(sender.context, sender.burst);
          std::vector<Bytes> packets = sender.take();
          for (size_t i = packets.size() / 3; i < packets.size(); ++i) {
            if (random() % 6 == 0) only_plain ? damage_plain(random, packets[i]) : damage(random, packets[i]);
            if (random() % 8 == 0) std::swap(packets[i], packets[random() % packets.size()]);
            if (random() % 8 == 0) packets[i] = packets[random() % packets.size()];
          }
          left += receivers.decapped(packets).size();
        }
        BOOST_TEST(left > 100u);
        BOOST_TEST(receivers.usual_bursts >= 5u);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
