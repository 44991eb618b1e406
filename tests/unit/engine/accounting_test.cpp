// Invariants 4 and 6: whatever comes in, nothing ends the process, and every packet ends in exactly one counter. (The
// sums are checked when a Gateway goes, and so is the number of buffers in use.)
#include <random>

#include "gateway_fixture.h"

namespace spigrp::test {

// Both gateways know groups of several shapes, so that packets of one are good for the other.
struct Meshed {
  Gateway far{kFar};
  Gateway near{kNear};

  Meshed() {
    for (Gateway* gateway : {&far, &near}) {
      for (const std::string_view id :
           {"tun.211@192.0.2.1", "esp.212@192.0.2.1", "ah.213@192.0.2.1", "tun.221@192.0.2.1", "esp.222@192.0.2.1",
            "esp.231@10.1.0.1", "tun.232@192.0.2.1"}) {
        gateway->add_sa(id, "192.0.2.2");
      }
      gateway->add_sa("tun:241@2001:db8::1", "2001:db8::2");
      gateway->add_sa("ah:242@2001:db8::1", "2001:db8::2");
      gateway->group({"tun.211@192.0.2.1", "esp.212@192.0.2.1", "ah.213@192.0.2.1"});
      gateway->group({"tun.221@192.0.2.1", "esp.222@192.0.2.1"});
      gateway->group({"esp.231@10.1.0.1", "tun.232@192.0.2.1"});
      gateway->group({"tun:241@2001:db8::1", "ah:242@2001:db8::1"});
    }
    far.eroute("10.2.0.0/24", "10.1.0.2/32", "tun.211@192.0.2.1");
    far.eroute("10.2.0.0/24", "10.1.0.3/32", "tun.221@192.0.2.1");
    far.eroute("10.2.0.0/24", "10.1.0.1/32", "esp.231@10.1.0.1");
    far.eroute("fd00:2::/64", "fd00:1::/64", "tun:241@2001:db8::1");
    near.add_sa("tun.111@192.0.2.2", "192.0.2.1");
    near.add_sa("esp.112@192.0.2.2", "192.0.2.1");
    near.group({"tun.111@192.0.2.2", "esp.112@192.0.2.2"});
    near.eroute("10.1.0.0/16", "10.2.0.0/16", "tun.111@192.0.2.2");
  }

  std::vector<Bytes> seeds() {
    std::vector<Bytes> seeds{
        udp("192.0.2.2", "10.1.0.2"),
        udp("2001:db8::2", "fd00:1::2"),
        udp("10.1.0.2", "10.2.0.2"),
        udp("192.0.2.2", "10.1.0.99", 20, 1),
        icmp_packet({"192.0.2.2", "192.0.2.1"}, 8, 0, Bytes(16)),
        icmp_packet({"2001:db8::2", "2001:db8::1"}, 128, 0, Bytes(16)),
        icmp_packet({"fd00:1::2", "ff02::1:ff00:1", 255}, 135, 0, Bytes(20) + Bytes{1, 1} + Bytes(6, 2)),
        ip_packet({"192.0.2.2", "192.0.2.1", 64, kProtocolIpip}, udp("10.2.0.2", "10.1.0.2")),
        ip_packet({"2001:db8::2", "2001:db8::1", 64, kProtocolHopByHop}, extension_header(kProtocolEsp) + Bytes(40))};
    far.receive(kLan, {udp("10.2.0.2", "10.1.0.2"), udp("10.2.0.2", "10.1.0.3"),
                       icmp_packet({"10.2.0.2", "10.1.0.1"}, 8, 0, Bytes(8)), udp("fd00:2::2", "fd00:1::2")});
    for (const Bytes& packet : far.packets(kWan)) seeds.push_back(packet);
    return seeds;
  }
};

// Changes bytes, cuts, lengthens; often mends the header checksum so that the change gets past it.
Bytes mutated(Bytes packet, std::mt19937& random) {
  const auto below = [&](size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(random); };
  for (size_t changes = below(4); changes > 0 && !packet.empty(); --changes) {
    const size_t place = below(2) == 0 ? below(std::min<size_t>(packet.size(), 60)) : below(packet.size());
    packet[place] = static_cast<uint8_t>(below(3) == 0 ? below(256) : packet[place] ^ (1u << below(8)));
  }
  if (below(8) == 0) packet.resize(below(packet.size() + 1));
  if (below(8) == 0) packet = packet + Bytes(below(60), 0x55);
  if (below(3) == 0 && packet.size() >= 20 && packet[0] == 0x45) {
    if (below(2) == 0) put16(packet, 2, static_cast<unsigned>(packet.size()));
    set_ipv4_checksum(packet);
  }
  return packet;
}

BOOST_AUTO_TEST_SUITE(accounting)

BOOST_AUTO_TEST_CASE(a_hundred_thousand_mutated_packets_are_all_accounted_for) {
  Meshed mesh;
  const std::vector<Bytes> seeds = mesh.seeds();
  BOOST_REQUIRE(seeds.size() == 13);
  std::mt19937 random(20240229);
  uint64_t received = 0, sent = 0, now_ns = 0;
  for (unsigned burst = 0; burst < 2500; ++burst) {
    std::vector<rte_mbuf*> frames;
    for (unsigned i = 0; i < 40; ++i) {
      Bytes packet = mutated(seeds[random() % seeds.size()], random);
      Bytes frame = mesh.near.frame(burst % 8 == 0 ? kLan : kWan, packet);
      if (random() % 64 == 0) frame[random() % 14] ^= 1;
      if (random() % 64 == 0) frame.resize(random() % frame.size());
      rte_mbuf* first = mesh.near.buffer(frame);
      if (random() % 16 == 0 && frame.size() > 70) {  // in two segments
        const auto cut = static_cast<uint16_t>(random() % frame.size());
        rte_pktmbuf_trim(first, static_cast<uint16_t>(frame.size() - cut));
        rte_pktmbuf_chain(first, mesh.near.buffer(Bytes(frame.begin() + cut, frame.end())));
      }
      frames.push_back(first);
    }
    received += frames.size();
    mesh.near.worker().process(burst % 8 == 0 ? kLan : kWan, frames.data(), static_cast<uint16_t>(frames.size()));
    now_ns += 50'000'000;
    mesh.near.poll_control(now_ns);
    sent += mesh.near.frames(kLan).size() + mesh.near.frames(kWan).size();
  }
  // Frames that poll_control let the worker take from its own ring count as received too; they are few.
  BOOST_TEST(mesh.near.sum(&PacketCounters::received) >= received);
  BOOST_TEST(sent > 1000u);
  unsigned reasons = 0;
  for (size_t i = 0; i < kDropReasonCount; ++i) reasons += mesh.near.dropped(static_cast<DropReason>(i)) > 0;
  BOOST_TEST(reasons >= 15u);  // the mutations get far
}

BOOST_AUTO_TEST_CASE(groups_change_under_mutated_packets_and_the_sums_hold) {
  Meshed mesh;
  const std::vector<Bytes> seeds = mesh.seeds();
  std::mt19937 random(7);
  for (unsigned round = 0; round < 300; ++round) {
    std::vector<Bytes> packets;
    for (unsigned i = 0; i < 64; ++i) packets.push_back(mutated(seeds[random() % seeds.size()], random));
    mesh.near.receive(random() % 2 == 0 ? kLan : kWan, packets);
    if (round % 3 == 0) mesh.near.ungroup("tun.111@192.0.2.2");
    if (round % 3 == 1) mesh.near.group({"tun.111@192.0.2.2", "esp.112@192.0.2.2"});
    mesh.near.frames(kLan);
    mesh.near.frames(kWan);
  }
  BOOST_TEST(mesh.near.sum(&PacketCounters::received) == 300u * 64);
  BOOST_TEST(mesh.near.dropped(DropReason::group_dissolved) > 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
