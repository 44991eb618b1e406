// explain's words: what they ask, and what is refused before anybody is asked.
#include "command_fixture.h"

namespace spigrp {
namespace {

struct ExplainWorld : World {
  ExplainQuery asked(const std::string& line) {
    const auto parsed = parse(line);
    BOOST_REQUIRE_MESSAGE(parsed, line << ": " << (parsed ? "" : parsed.error().text()));
    const auto* query = std::get_if<ExplainQuery>(&parsed->action);
    BOOST_REQUIRE_MESSAGE(query != nullptr, line << ": asks something else");
    return *query;
  }
};

BOOST_FIXTURE_TEST_SUITE(explain_command, ExplainWorld)

BOOST_AUTO_TEST_CASE(without_more_words_it_is_an_echo_request) {
  const ExplainQuery query = asked("explain --src 10.1.0.2 --dst 10.2.0.2");
  BOOST_TEST(query.source.text() == "10.1.0.2");
  BOOST_TEST(query.destination.text() == "10.2.0.2");
  BOOST_TEST(query.transport_protocol() == 1);
  BOOST_TEST(query.total_bytes() == 84u);
  BOOST_TEST(query.ttl == 64);
  BOOST_TEST((!query.dont_fragment && query.port.empty() && !query.out_of));
  const ExplainQuery query6 = asked("explain --src fd00:1::2 --dst fd00:2::2");
  BOOST_TEST(query6.transport_protocol() == 58);
  BOOST_TEST(query6.total_bytes() == 104u);
}

BOOST_AUTO_TEST_CASE(every_word_is_part_of_the_packet) {
  const ExplainQuery query = asked(
      "explain --src 10.1.0.2 --dst 10.2.0.2 --proto tcp --sport 1024 --dport 0x1bb --len 1500 --ttl 3 --df --port lan "
      "--out-of tun.114@192.0.2.1");
  BOOST_TEST(query.protocol == 6);
  BOOST_TEST(query.source_port == 1024);
  BOOST_TEST(query.destination_port == 443);
  BOOST_TEST(query.bytes == 1500u);
  BOOST_TEST(query.ttl == 3);
  BOOST_TEST(query.dont_fragment);
  BOOST_TEST(query.port == "lan");
  BOOST_TEST(query.out_of->text() == "tun.114@192.0.2.1");
}

BOOST_AUTO_TEST_CASE(what_is_no_packet_is_wrong_usage) {
  refused("explain", {"--src", "is missing"});
  refused("explain --src 10.1.0.2", {"--dst", "is missing"});
  refused("explain --src 10.1.0.2 --dst fd00:2::2", {"--dst"});
  refused("explain --src 10.1.0.2 --dst 10.2.0.2 --sport 5", {"have ports"});
  refused("explain --src 10.1.0.2 --dst 10.2.0.2 --len 27", {"27 bytes", "28 … 65535"});
  refused("explain --src 10.1.0.2 --dst 10.2.0.2 --len 65536", {"65536 bytes"});
  refused("explain --src fd00:1::2 --dst fd00:2::2 --len 65576", {"--len 65576"});
  refused("explain --src 10.1.0.2 --dst 10.2.0.2 --ttl 256", {"--ttl 256", "0 … 255"});
  refused("explain --src fd00:1::2 --dst fd00:2::2 --proto 43", {"extension header"});
  refused("explain --src 10.1.0.2 --dst 10.2.0.2 --out-of nosuch", {"--out-of"});
  refused("explain --src 10.1.0.0/24 --dst 10.2.0.2", {"--src"});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
