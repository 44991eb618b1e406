// Who is told of what.
#include "control/event_hub.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

namespace spigrp {
namespace {

struct Ear : EventListener {
  std::vector<std::string> heard;
  bool listens = false;

  void subscribed() noexcept override { listens = true; }
  void hear(const std::string& line) noexcept override {
    BOOST_TEST(line.back() == '\n');
    const auto message = nlohmann::json::parse(line);
    BOOST_TEST(message["method"] == "event");
    BOOST_TEST(!message.contains("id"));
    heard.push_back(message["params"]["event"]);
  }
};

const ExpireEvent kExpire{parse_sa_id("esp.115@192.0.2.2").value(), "hard", "packets", 5};

BOOST_AUTO_TEST_SUITE(event_hub)

BOOST_AUTO_TEST_CASE(a_listener_hears_what_it_asked_for_and_what_was_lost) {
  EventHub hub;
  const auto all = std::make_shared<Ear>(), some = std::make_shared<Ear>();
  hub.publish(kExpire);
  hub.subscribe(all, {});
  hub.subscribe(some, {"change", "acquire"});
  BOOST_TEST((all->listens && some->listens));
  for (const Event& event : std::initializer_list<Event>{kExpire, ChangeEvent{1, 1, {}}, LostEvent{2}}) {
    hub.publish(event);
  }
  BOOST_TEST(all->heard == (std::vector<std::string>{"expire", "change", "lost"}), boost::test_tools::per_element());
  BOOST_TEST(some->heard == (std::vector<std::string>{"change", "lost"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_second_subscription_takes_the_place_of_the_first) {
  EventHub hub;
  const auto ear = std::make_shared<Ear>();
  hub.subscribe(ear, {});
  hub.subscribe(ear, {"expire"});
  hub.publish(ChangeEvent{1, 1, {}});
  hub.publish(kExpire);
  BOOST_TEST(ear->heard == std::vector<std::string>{"expire"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_that_is_gone_is_not_told) {
  EventHub hub;
  auto gone = std::make_shared<Ear>();
  const auto there = std::make_shared<Ear>();
  hub.subscribe(gone, {});
  hub.subscribe(there, {});
  gone.reset();
  hub.publish(kExpire);
  BOOST_TEST(there->heard.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
