// SAs that have the same keys as another that is there: the table that knows them, and what an edit finds out.
#include "sa/live_keys.h"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tables_fixture.h"

namespace spigrp {
namespace {

using namespace test;

constexpr auto kOneWay = "esp.100@192.0.2.2", kOtherWay = "esp.200@192.0.2.1", kThird = "esp.300@192.0.2.3";

SaSpec with_key(std::string_view id, uint8_t key) {
  SaSpec made = spec(id);
  made.encryption_key = Key(std::vector<uint8_t>(20, key));
  return made;
}

struct WithKeys : Tables {
  // What an edit comes by, "made=other" each, and how many there are.
  template <class Change>
  std::string shared(Change change) {
    SaEdit e(*tables, *versions);
    BOOST_REQUIRE(change(e).has_value());
    e.link();
    versions->publish();
    std::string text;
    for (const SharedKeys::Pair& pair : e.shared_keys().named) text += pair.made.text() + '=' + pair.other.text() + ' ';
    return text + std::to_string(e.shared_keys().count);
  }
  std::string shared_by_adding(const SaSpec& made) {
    return shared([&](SaEdit& e) { return e.add_sa(made); });
  }
};

BOOST_AUTO_TEST_SUITE(live_keys)

BOOST_AUTO_TEST_CASE(what_was_added_last_is_found_first_and_each_can_go) {
  LiveKeys keys(8);
  const auto any = [](Slot) { return true; };
  for (Slot slot = 0; slot < 5; ++slot) keys.add(slot, 77);
  keys.add(5, 77 + 8);  // of the same chain
  BOOST_TEST(keys.find(77, any) == 4u);
  keys.remove(2);  // of the middle
  keys.remove(4);  // the first
  keys.remove(4);  // again
  keys.remove(0);  // the last
  BOOST_TEST(!keys.has(2));
  BOOST_TEST(keys.has(3));
  BOOST_TEST(keys.find(77, any) == 3u);
  BOOST_TEST(keys.find(77, [](Slot slot) { return slot < 3; }) == 1u);
  BOOST_TEST(keys.find(77 + 8, any) == 5u);
  keys.remove(3);
  keys.remove(1);
  keys.remove(5);
  BOOST_TEST(keys.find(77, any) == kNoSlot);
  keys.add(2, 77);
  BOOST_TEST(keys.find(77, any) == 2u);
  BOOST_TEST(keys.find(78, any) == kNoSlot);
}

BOOST_FIXTURE_TEST_CASE(one_key_for_both_directions_is_noticed_with_the_second, WithKeys) {
  BOOST_TEST(shared_by_adding(with_key(kOneWay, 1)) == "0");
  BOOST_TEST(shared_by_adding(with_key(kOtherWay, 1)) == "esp.200@192.0.2.1=esp.100@192.0.2.2 1");
  BOOST_TEST(shared_by_adding(with_key(kThird, 2)) == "0");
}

BOOST_FIXTURE_TEST_CASE(both_may_come_in_one_transaction, WithKeys) {
  BOOST_TEST(shared([](SaEdit& e) -> Expected<void> {
               if (const auto done = e.add_sa(with_key(kOneWay, 1)); !done) return done;
               return e.add_sa(with_key(kOtherWay, 1));
             }) == "esp.200@192.0.2.1=esp.100@192.0.2.2 1");
}

BOOST_FIXTURE_TEST_CASE(keys_are_the_same_where_both_of_an_sa_are, WithKeys) {
  const auto authenticated = [](std::string_view id, uint8_t key) {
    SaSpec made = spec(id);
    made.algorithm = "aes128-sha1-96";
    made.encryption_key = Key(std::vector<uint8_t>(16, 1));
    made.authentication_key = Key(std::vector<uint8_t>(20, key));
    return made;
  };
  BOOST_TEST(shared_by_adding(authenticated(kOneWay, 1)) == "0");
  BOOST_TEST(shared_by_adding(authenticated(kOtherWay, 2)) == "0");
  BOOST_TEST(shared_by_adding(authenticated(kThird, 1)) == "esp.300@192.0.2.3=esp.100@192.0.2.2 1");
}

BOOST_FIXTURE_TEST_CASE(sas_without_keys_share_none, WithKeys) {
  for (const auto* id : {"tun.113@192.0.2.2", "tun.114@192.0.2.2", "comp.200@192.0.2.2", "comp.201@192.0.2.2"}) {
    BOOST_TEST(shared_by_adding(spec(id)) == "0");
  }
}

BOOST_FIXTURE_TEST_CASE(an_sa_that_is_replaced_with_its_own_keys_shares_them_as_before, WithKeys) {
  const auto replaced = [&](const SaSpec& now) { return shared([&](SaEdit& e) { return e.replace_sa(now); }); };
  (void)shared_by_adding(with_key(kOneWay, 1));
  (void)shared_by_adding(with_key(kOtherWay, 1));
  BOOST_TEST(replaced(with_key(kOneWay, 1)) == "0");
  BOOST_TEST(replaced(with_key(kOtherWay, 2)) == "0");
  BOOST_TEST(replaced(with_key(kOtherWay, 1)) == "esp.200@192.0.2.1=esp.100@192.0.2.2 1");
  BOOST_TEST(shared_by_adding(with_key(kThird, 2)) == "0");  // nobody has these any more
}

BOOST_FIXTURE_TEST_CASE(an_sa_that_goes_in_the_same_transaction_shares_nothing, WithKeys) {
  (void)shared_by_adding(with_key(kOneWay, 1));
  BOOST_TEST(shared([](SaEdit& e) -> Expected<void> {
               if (const auto done = e.add_sa(with_key(kOtherWay, 1)); !done) return done;
               return e.delete_sa(said(kOneWay));
             }) == "0");
  BOOST_TEST(shared_by_adding(with_key(kThird, 1)) == "esp.300@192.0.2.3=esp.200@192.0.2.1 1");
  BOOST_TEST(shared([](SaEdit& e) -> Expected<void> {
               e.clear_sas();
               return e.add_sa(with_key(kThird, 1));
             }) == "0");
}

BOOST_FIXTURE_TEST_CASE(what_was_thrown_away_shares_nothing, WithKeys) {
  {
    SaEdit e(*tables, *versions);
    BOOST_REQUIRE(e.add_sa(with_key(kOneWay, 1)).has_value());
  }
  versions->discard();
  BOOST_TEST(shared_by_adding(with_key(kOtherWay, 1)) == "0");
}

BOOST_FIXTURE_TEST_CASE(of_many_the_first_are_named_and_all_are_counted, WithKeys) {
  SaEdit e(*tables, *versions);
  for (int i = 0; i < 1000; ++i) {
    SaSpec made = with_key(kOneWay, 1);
    made.id.spi += static_cast<uint32_t>(i);
    BOOST_REQUIRE(e.add_sa(made).has_value());
  }
  e.link();
  versions->publish();
  BOOST_TEST(e.shared_keys().count == 999u);
  BOOST_REQUIRE(e.shared_keys().named.size() == SharedKeys::kMostNamed);
  BOOST_TEST(e.shared_keys().named[0].made.text() == "esp.101@192.0.2.2");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
