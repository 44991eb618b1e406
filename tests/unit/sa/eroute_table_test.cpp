// Which eroute wins, held against a model that looks at every eroute.
#include "sa/eroute_table.h"

#include <random>

#include <boost/test/unit_test.hpp>

#include "tables_fixture.h"

namespace spigrp {
namespace {

using namespace test;

// One of nine hosts.
IpAddress some_host(std::mt19937& random) {
  return IpAddress::ipv4(static_cast<uint32_t>(0x0a000000 | (random() % 3) << 8 | random() % 3));
}

IpAddress address_of(const std::array<uint8_t, 16>& bytes, Family family) {
  return {family, bytes};
}

bool matches(const Selector& selector, const FlowKey& flow) {
  return selector.family() == flow.family && selector.source.contains(address_of(flow.source, flow.family)) &&
         selector.destination.contains(address_of(flow.destination, flow.family)) &&
         (selector.protocol == 0 || selector.protocol == flow.protocol) &&
         (selector.source_port == 0 || selector.source_port == flow.source_port.host()) &&
         (selector.destination_port == 0 || selector.destination_port == flow.destination_port.host());
}

auto specificity(const Selector& selector) {
  return std::tuple(selector.source.bits, selector.destination.bits, selector.protocol != 0, selector.source_port != 0,
                    selector.destination_port != 0);
}

BOOST_AUTO_TEST_CASE(the_most_specific_entry_wins_whatever_the_order_of_adding) {
  std::mt19937 random(7);
  Tables t;
  std::vector<Selector> all;
  const std::array<uint8_t, 4> bits{0, 8, 24, 32};
  for (int i = 0; i < 300; ++i) {
    const auto prefix = [&] {
      IpPrefix made{some_host(random), bits[random() % bits.size()]};
      return made.masked();
    };
    Selector selector{prefix(), prefix(), 0, 0, 0};
    if (random() % 2) selector.protocol = random() % 2 ? 6 : 17;
    if (selector.protocol && random() % 2) selector.source_port = static_cast<uint16_t>(1 + random() % 2);
    if (selector.protocol && random() % 2) selector.destination_port = static_cast<uint16_t>(1 + random() % 2);
    const auto added = t.edit([&](SaEdit& e) { return e.set_eroute(selector, MagicTarget::kPass, ErouteMode::kAdd); });
    const bool is_new = std::find(all.begin(), all.end(), selector) == all.end();
    BOOST_REQUIRE(added.has_value() == is_new);
    if (is_new) all.push_back(selector);
  }
  for (int i = 0; i < 20'000; ++i) {
    const auto host = [&] { return some_host(random).text(); };
    const FlowKey key = flow(host(), host(), random() % 2 ? 6 : 17, static_cast<uint16_t>(random() % 4),
                             static_cast<uint16_t>(random() % 4));
    const Selector* best = nullptr;
    for (const Selector& selector : all) {
      if (!matches(selector, key)) continue;
      if (best == nullptr || specificity(selector) > specificity(*best)) best = &selector;
    }
    const Eroute* found = t.tables->eroutes().find(key, t.versions->published()).eroute;
    BOOST_REQUIRE((found == nullptr) == (best == nullptr));
    if (best != nullptr) BOOST_REQUIRE(specificity(found->selector) == specificity(*best));
  }
}

BOOST_AUTO_TEST_CASE(an_icmp_type_is_more_specific_than_the_protocol_and_0_is_one) {
  Tables t;
  const auto add = [&](std::optional<uint8_t> type, std::optional<uint8_t> code, MagicTarget target) {
    Selector icmp = selector("10.0.1.0/24", "10.0.2.0/24", 1);
    icmp.icmp_type = type;
    icmp.icmp_code = code;
    BOOST_REQUIRE(t.edit([&](SaEdit& e) { return e.set_eroute(icmp, target, ErouteMode::kAdd); }).has_value());
  };
  const auto verdict = [&](uint16_t type, uint16_t code) {
    return t.verdict(flow("10.0.1.1", "10.0.2.1", 1, type, code));
  };
  add({}, {}, MagicTarget::kPass);
  BOOST_TEST(verdict(0, 0) == "%pass");
  add(uint8_t{0}, {}, MagicTarget::kDrop);
  BOOST_TEST(verdict(0, 0) == "%drop");
  BOOST_TEST(verdict(0, 7) == "%drop");
  BOOST_TEST(verdict(8, 0) == "%pass");
  add(uint8_t{0}, uint8_t{0}, MagicTarget::kPass);
  BOOST_TEST(verdict(0, 0) == "%pass");
  BOOST_TEST(verdict(0, 7) == "%drop");
  // What does not show its type could be of any; what has ports is not concerned.
  FlowKey fragment = flow("10.0.1.1", "10.0.2.1", 1, 0, 0), udp_fragment = flow("10.0.1.1", "10.0.2.1", 17, 0, 0);
  fragment.unknown = UnknownFields::kIcmpType;
  udp_fragment.unknown = UnknownFields::kPorts;
  BOOST_TEST(t.tables->eroutes().find(fragment, t.versions->published()).unclear);
  BOOST_TEST(!t.tables->eroutes().find(udp_fragment, t.versions->published()).unclear);
}

BOOST_AUTO_TEST_CASE(families_do_not_mix) {
  Tables t;
  BOOST_REQUIRE(t.edit([](SaEdit& e) {
                   return e.set_eroute(selector("0.0.0.0/0", "0.0.0.0/0"), MagicTarget::kDrop, ErouteMode::kAdd);
                 }).has_value());
  BOOST_TEST(t.verdict(flow("10.0.0.1", "10.0.0.2")) == "%drop");
  BOOST_TEST(t.verdict(flow("2001:db8::1", "2001:db8::2")) == "none");
}

BOOST_AUTO_TEST_CASE(the_stamp_changes_with_the_eroutes_and_with_nothing_else) {
  Tables t;
  const Selector nets = selector("10.0.1.0/24", "10.0.2.0/24");
  const auto stamp = [&] { return t.tables->eroutes_changed_at(t.versions->published()); };
  const Generation start = stamp();
  BOOST_REQUIRE(t.add("tun.113@192.0.2.2").has_value());
  BOOST_REQUIRE(t.add("esp.115@192.0.2.2").has_value());
  BOOST_TEST(stamp() == start);
  BOOST_REQUIRE(t.eroute(nets, "tun.113@192.0.2.2").has_value());
  const Generation added = stamp();
  BOOST_TEST(added > start);
  BOOST_REQUIRE(t.group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"}).has_value());
  BOOST_TEST(stamp() == added);  // a remembered eroute finds its new group through the SA table
  BOOST_REQUIRE(t.edit([&](SaEdit& e) { return e.delete_eroute(nets); }).has_value());
  BOOST_TEST(stamp() > added);
}

BOOST_AUTO_TEST_CASE(add_refuses_what_exists_and_replace_puts_the_new_target_in_its_place) {
  Tables t;
  const Selector nets = selector("10.0.1.0/24", "10.0.2.0/24");
  BOOST_REQUIRE(t.add("esp.115@192.0.2.2").has_value());
  BOOST_REQUIRE(t.eroute(nets, "esp.115@192.0.2.2").has_value());
  const auto refused = t.eroute(nets, "esp.115@192.0.2.2");
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().remedy.find("--replace") != std::string::npos);
  BOOST_REQUIRE(
      t.edit([&](SaEdit& e) { return e.set_eroute(nets, MagicTarget::kDrop, ErouteMode::kReplace); }).has_value());
  BOOST_TEST(t.verdict(flow("10.0.1.1", "10.0.2.1")) == "%drop");
  BOOST_TEST(t.tables->eroutes().eroute_count() == 1u);
  BOOST_REQUIRE(t.edit([&](SaEdit& e) { return e.delete_eroute(nets); }).has_value());
  BOOST_TEST(!t.edit([&](SaEdit& e) { return e.delete_eroute(nets); }).has_value());
}

}  // namespace
}  // namespace spigrp
