// A filter may name too many shapes, and never too few: eroutes are found as if it were not there.
#include "sa/shape_filter.h"

#include <random>

#include <boost/test/unit_test.hpp>

#include "tables_fixture.h"

namespace spigrp {
namespace {

using namespace test;

constexpr uint32_t kHash = 0xdead0005;

BOOST_AUTO_TEST_SUITE(shape_filter)

BOOST_AUTO_TEST_CASE(a_shape_is_named_until_its_last_eroute_is_out_of_every_readers_sight) {
  Tables t;
  ShapeFilter filter(1024);
  BOOST_TEST(filter.shapes(kHash) == 0u);
  filter.add(kHash, 3);
  filter.add(kHash, 3);
  filter.add(kHash, 63);
  BOOST_TEST(filter.shapes(kHash) == (ShapeBits{1} << 3 | ShapeBits{1} << 63));
  const auto publish = [&] {
    t.versions->publish();
    t.versions->reclaim();
  };
  filter.remove(kHash, 3, *t.versions);
  publish();
  BOOST_TEST((filter.shapes(kHash) & ShapeBits{1} << 3) != 0u);
  {
    const auto reader = t.versions->pin();
    filter.remove(kHash, 3, *t.versions);
    publish();
    BOOST_TEST((filter.shapes(kHash) & ShapeBits{1} << 3) != 0u);
  }
  t.versions->reclaim();
  BOOST_TEST(filter.shapes(kHash) == ShapeBits{1} << 63);
}

BOOST_AUTO_TEST_CASE(a_shape_that_comes_back_before_it_is_gone_stays) {
  Tables t;
  ShapeFilter filter(8);
  filter.add(kHash, 7);
  filter.remove(kHash, 7, *t.versions);
  filter.add(kHash, 7);
  t.versions->publish();
  t.versions->reclaim();
  BOOST_TEST(filter.shapes(kHash) == ShapeBits{1} << 7);
}

BOOST_AUTO_TEST_CASE(more_eroutes_of_one_prefix_than_can_be_counted_are_named_for_ever) {
  Tables t;
  ShapeFilter filter(8);
  for (int i = 0; i < 1000; ++i) filter.add(kHash, 1);
  for (int i = 0; i < 1000; ++i) filter.remove(kHash, 1, *t.versions);
  t.versions->publish();
  t.versions->reclaim();
  BOOST_TEST(filter.shapes(kHash) == ShapeBits{1} << 1);
}

BOOST_AUTO_TEST_CASE(who_reads_an_older_generation_finds_what_was_deleted_since) {
  Tables t;
  const Selector nets = selector("10.0.1.0/24", "10.0.2.0/24");
  const FlowKey traffic = flow("10.0.1.1", "10.0.2.1");
  BOOST_REQUIRE(
      t.edit([&](SaEdit& e) { return e.set_eroute(nets, MagicTarget::kDrop, ErouteMode::kAdd); }).has_value());
  const auto before = t.versions->pin();
  BOOST_REQUIRE(t.edit([&](SaEdit& e) { return e.delete_eroute(nets); }).has_value());
  const ErouteTable& eroutes = t.tables->eroutes();
  const Eroute* found[1];
  for (const bool is_before : {true, false}) {
    const Generation g = is_before ? before->generation() : t.versions->published();
    BOOST_TEST((eroutes.find(traffic, g).eroute != nullptr) == is_before);
    eroutes.find_all({&traffic, 1}, g, found);
    BOOST_TEST((found[0] != nullptr) == is_before);
  }
}

// Hosts and networks of both families that often hold each other; more shapes than a filter has bits.
Selector some_selector(std::mt19937& random) {
  const bool is_ipv4 = random() % 4 != 0;
  const auto some_prefix = [&] {
    IpAddress address = is_ipv4 ? IpAddress::ipv4(0x0a000000u | static_cast<uint32_t>(random() % 4))
                                : parse_ip_address("2001:db8::").value();
    if (!is_ipv4) address.bytes[15] = static_cast<uint8_t>(random() % 4);
    const auto shorter = static_cast<unsigned>(random() % 12);
    return IpPrefix{address, static_cast<uint8_t>(address.max_bits() - shorter)}.masked();
  };
  Selector selector{some_prefix(), some_prefix(), 0, 0, 0};
  if (random() % 2) selector.protocol = 17;
  if (selector.protocol != 0 && random() % 2) selector.source_port = static_cast<uint16_t>(1 + random() % 2);
  return selector;
}

FlowKey some_flow(std::mt19937& random) {
  const Selector made = some_selector(random);
  FlowKey key = flow("10.0.0.1", "10.0.0.1", 17, static_cast<uint16_t>(random() % 3), 1);
  key.source = made.source.address.bytes;
  key.destination = made.destination.address.bytes;
  key.family = made.family();
  return key;
}

// By looking at every eroute.
const Selector* best_of(const std::vector<Selector>& all, const FlowKey& key) {
  const auto rank = [](const Selector& one) {
    return std::tuple(one.source.bits, one.destination.bits, one.protocol != 0, one.source_port != 0);
  };
  const Selector* best = nullptr;
  for (const Selector& one : all) {
    const bool matches = one.family() == key.family && one.source.contains({key.family, key.source}) &&
                         one.destination.contains({key.family, key.destination}) &&
                         (one.protocol == 0 || one.protocol == key.protocol) &&
                         (one.source_port == 0 || one.source_port == key.source_port.host());
    if (matches && (best == nullptr || rank(one) > rank(*best))) best = &one;
  }
  return best;
}

BOOST_AUTO_TEST_CASE(many_flows_at_once_find_what_each_finds_while_eroutes_come_and_go) {
  std::mt19937 random(23);
  Tables t;
  std::vector<Selector> all;
  for (int turn = 0; turn < 60; ++turn) {
    BOOST_REQUIRE(t.edit([&](SaEdit& e) -> Expected<void> {
                     for (int i = 0; i < 12; ++i) {
                       const Selector selector = some_selector(random);
                       const auto present = std::find(all.begin(), all.end(), selector);
                       if (present != all.end()) {
                         all.erase(present);
                         if (const auto gone = e.delete_eroute(selector); !gone) return gone;
                       } else {
                         all.push_back(selector);
                         const auto added = e.set_eroute(selector, MagicTarget::kPass, ErouteMode::kAdd);
                         if (!added) return added;
                       }
                     }
                     return {};
                   }).has_value());
    std::vector<FlowKey> flows(ErouteTable::kMostAtOnce);
    for (FlowKey& key : flows) key = some_flow(random);
    std::vector<const Eroute*> found(flows.size());
    const Generation g = t.versions->published();
    t.tables->eroutes().find_all(flows, g, found.data());
    for (size_t i = 0; i < flows.size(); ++i) {
      BOOST_REQUIRE(found[i] == t.tables->eroutes().find(flows[i], g).eroute);
      const Selector* best = best_of(all, flows[i]);
      BOOST_REQUIRE((found[i] != nullptr) == (best != nullptr));
      if (best != nullptr) BOOST_REQUIRE(found[i]->selector == *best);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
