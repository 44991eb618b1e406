// Events, there and back.
#include "config/event.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

namespace spigrp {
namespace {

TimedEvent timed(Event event) {
  return {1700000000123, std::move(event)};
}

BOOST_AUTO_TEST_SUITE(event)

BOOST_AUTO_TEST_CASE(every_event_comes_back_as_it_was_sent) {
  const SaId id = parse_sa_id("esp.115@192.0.2.2").value();
  const IpAddress source = parse_ip_address("2001:db8::1").value();
  const Selector flow{parse_ip_prefix("10.1.0.2/32").value(), parse_ip_prefix("10.2.0.2/32").value(), 17, 4000, 53};
  const Selector trap{parse_ip_prefix("10.1.0.0/16").value(), parse_ip_prefix("10.2.0.0/16").value()};
  for (const Event& event : std::initializer_list<Event>{
           ExpireEvent{id, "hard", "packets", 1000}, AuthenticationFailureEvent{id, source},
           ReplayEvent{id, source, 77}, AcquireEvent{flow, trap}, ChangeEvent{9, 2, {"a", "b"}}, LostEvent{3}}) {
    const auto json = to_json(timed(event));
    const auto read = parse_event(json);
    BOOST_REQUIRE_MESSAGE(read.has_value(), json.dump());
    BOOST_TEST(json["event"].get<std::string>() == event_name(event));
    BOOST_TEST(read->time_ms == 1700000000123u);
    BOOST_TEST(to_json(*read) == json);
  }
  BOOST_TEST(to_json(timed(ExpireEvent{id, "hard", "packets", 1000})).dump() ==
             R"({"event":"expire","expiry":"hard","id":"esp.115@192.0.2.2","limit":"packets",)"
             R"("time_ms":1700000000123,"value":1000})");
}

BOOST_AUTO_TEST_CASE(what_is_no_event_is_said_to_be_none) {
  for (const char* text :
       {"1", "[]", "{}", R"({"event": 1})", R"({"event": "party", "time_ms": 1})", R"({"event": "lost"})",
        R"({"event": "lost", "time_ms": 1, "count": -1})", R"({"event": "expire", "time_ms": 1, "id": "x"})"}) {
    BOOST_TEST(!parse_event(nlohmann::json::parse(text)).has_value(), text);
  }
  BOOST_TEST(validate_event_name("acquire").has_value());
  BOOST_TEST(validate_event_name("acquires").error().text() ==
             "acquires: no such event; there are expire, authentication_failure, replay, acquire, change, lost");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
