// What another process finds of lifetimes that were in use, over a real store and real tables.
#include "control/number_keeper.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "control/service.h"
#include "state_fixture.h"

namespace spigrp {
namespace {

// One life of a daemon, without its workers.
struct Life {
  explicit Life(const StateOptions& state) {
    store = std::move(Store::open(state, {}).value());
    service = std::make_unique<Service>(HandlerContext{*engine, topics, store.get(), {}});
    if (store->has_state()) BOOST_REQUIRE(service->load().has_value());
    keeper = std::make_unique<NumberKeeper>(*engine, *store);
    BOOST_REQUIRE(keeper->begin().has_value());
  }

  void add(std::string_view id, std::string_view life) {
    SaSpec spec;
    spec.id = parse_sa_id(id).value();
    spec.source = parse_ip_address("192.0.2.1").value();
    if (spec.id.protocol == SaProtocol::kTunnel) spec.tunnel_destination = spec.id.destination;
    if (spec.id.protocol == SaProtocol::kComp) spec.algorithm = kCompressionAlgorithm;
    if (spec.id.protocol == SaProtocol::kEsp) {
      spec.algorithm = "aes128gcm16";
      spec.encryption_key = Key(std::vector<uint8_t>(20, 0x11));
    }
    spec.lifetime = parse_lifetime(life).value();
    Edits edits{NumberedEdit{0, SaAdd{spec}}};
    BOOST_REQUIRE(service->edit(edits).has_value());
  }
  Sa& sa(std::string_view id) const { return *engine->sas().newest(parse_sa_id(id).value())->sa; }
  Lifetime& lifetime(std::string_view id) const { return *sa(id).lifetime; }
  // Every SA is looked at once; what is polled for beyond that waits for the next second.
  void round() {
    ++now_s;
    for (Slot slots = 0; slots <= engine->sas().sas().slot_count(); slots += 1024) keeper->poll(now_s);
  }

  std::unique_ptr<Engine> engine = Engine::create(test::options_of_one_port()).value();
  LogTopics topics{{}};
  std::unique_ptr<Store> store;
  std::unique_ptr<Service> service;
  std::unique_ptr<NumberKeeper> keeper;
  uint64_t now_s = 100;
};

constexpr std::string_view kEsp = "esp.115@192.0.2.2", kTunnel = "tun.113@192.0.2.2", kComp = "comp.114@192.0.2.2";

BOOST_FIXTURE_TEST_SUITE(number_keeper, test::StateFolder)

BOOST_AUTO_TEST_CASE(after_an_end_lifetimes_go_on_exactly_where_they_were) {
  {
    Life life(options());
    for (const std::string_view id : {kEsp, kTunnel, kComp}) {
      life.add(id, "hard-packets=100,hard-bytes=9000");
      BOOST_TEST(life.lifetime(id).take(7, 700));
    }
    life.round();  // which stores more than is used
    BOOST_REQUIRE(life.keeper->finish().has_value());
  }
  Life life(options());
  for (const std::string_view id : {kEsp, kTunnel, kComp}) {
    BOOST_TEST(life.lifetime(id).packets_taken() == 7u, id);
    BOOST_TEST(life.lifetime(id).bytes_taken() == 700u, id);
    BOOST_TEST(life.lifetime(id).take(93, 8300), id);
    BOOST_TEST(!life.lifetime(id).take(1, 1), id);
  }
}

BOOST_AUTO_TEST_CASE(after_a_crash_as_much_again_counts_as_used_unless_the_sa_rested) {
  {
    Life life(options());
    for (const std::string_view id : {kEsp, kTunnel, kComp}) {
      life.add(id, "hard-packets=100");
      BOOST_TEST(life.lifetime(id).take(10, 1000));
    }
    life.round();
    BOOST_TEST(life.lifetime(kEsp).take(5, 500));
    life.round();
    life.lifetime(kTunnel).take(5, 500);
    life.round();
    life.round();
    life.lifetime(kComp).take(5, 500);  // of the last moment nothing is known
  }
  Life life(options());
  BOOST_TEST(life.lifetime(kEsp).packets_taken() == 15u);
  BOOST_TEST(life.lifetime(kTunnel).packets_taken() == 15u);
  BOOST_TEST(life.lifetime(kComp).packets_taken() == 10u);
  BOOST_TEST(life.lifetime(kEsp).take(20, 20));
  life.round();
  BOOST_TEST(life.lifetime(kEsp).marks.stored.packets == 55u);
}

BOOST_AUTO_TEST_CASE(what_counted_as_used_after_a_crash_is_used) {
  {
    Life life(options());
    life.add(kEsp, "hard-packets=100");
    BOOST_TEST(life.lifetime(kEsp).take(10, 1000));
    life.round();
  }
  for (int again = 0; again < 2; ++again) {
    Life life(options());
    BOOST_TEST(life.lifetime(kEsp).packets_taken() == 20u);
    life.round();
  }
}

BOOST_AUTO_TEST_CASE(an_sa_that_was_over_is_over_in_every_process_after) {
  {
    Life life(options());
    life.add(kEsp, "hard-bytes=1000");
    life.lifetime(kEsp).take(1, 990);
    life.lifetime(kEsp).end();  // the next was larger than what was left
    life.round();
  }
  for (int again = 0; again < 2; ++again) {
    Life life(options());
    BOOST_TEST(life.lifetime(kEsp).is_over(1, 0));
    BOOST_TEST(!life.lifetime(kEsp).take(1, 1));
    life.engine->poll_control();
    BOOST_TEST((life.lifetime(kEsp).told_expiry() == Expiry::kHard));
    life.round();
    if (again == 0) BOOST_REQUIRE(life.keeper->finish().has_value());
  }
}

BOOST_AUTO_TEST_CASE(an_sa_that_is_made_anew_begins_with_nothing_used) {
  {
    Life life(options());
    life.add(kTunnel, "hard-packets=10");
    life.lifetime(kTunnel).take(10, 10);
    life.round();
    Edits edits{NumberedEdit{0, SaDelete{parse_sa_id(kTunnel).value()}}};
    BOOST_REQUIRE(life.service->edit(edits).has_value());
    life.add(kTunnel, "hard-packets=10");
  }
  Life life(options());
  BOOST_TEST(life.lifetime(kTunnel).take(10, 10));
}

BOOST_AUTO_TEST_CASE(what_could_not_be_stored_is_stored_in_the_next_round) {
  Life life(options());
  life.add(kTunnel, "hard-packets=100");
  life.lifetime(kTunnel).take(10, 10);
  {
    Store::Writer keeps_it_busy(*life.store);
    life.round();
    BOOST_TEST(life.lifetime(kTunnel).marks.stored.packets == 0u);
  }
  life.round();
  BOOST_TEST(life.lifetime(kTunnel).marks.stored.packets == 10u);
}

BOOST_AUTO_TEST_CASE(received_numbers_that_could_not_be_stored_are_stored_in_the_next_round) {
  {
    Life life(options());
    life.add(kEsp, "hard-packets=100");
    life.sa(kEsp).replay.check_and_advance(5000);
    {
      Store::Writer keeps_it_busy(*life.store);
      life.round();
    }
    life.round();
  }
  Life life(options());
  BOOST_TEST((life.sa(kEsp).replay.check(5000) != ReplayVerdict::kFresh));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
