// Rows of lists as JSON and back, and what becomes of a reply that does not fit.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "config/request.h"
#include "error_text.h"

namespace spigrp {

using nlohmann::json;
using test::error_text;
using test::holds;

namespace {

constexpr std::string_view kSaRow = R"({
    "id": "esp:115@2001:db8::2", "source": "2001:db8::1", "algorithm": "AES128GCM16", "direction": "out",
    "replay_window": 4096, "extended_sequence": true, "sequence": 18446744073709551615,
    "window_bits": 9223372036854775808, "icv_bits": 128,
    "authentication_key_bits": 1, "encryption_key_bits": 160, "packets": 2, "bytes": 3, "authentication_failures": 4,
    "replays": 5, "outside_window": 6, "malformed": 7, "exhausted": 8, "compressed_bytes": 11,
    "age_s": 9, "idle_s": -1, "used_s": 10, "group": ["tun.113@192.0.2.2", "esp:115@2001:db8::2"]})";

// As JSON, read, and written again: the same.
template <class Row>
void round_trip(std::string_view text, Expected<Row> (*parse)(const json&)) {
  const json written = json::parse(text);
  const auto row = parse(written);
  BOOST_REQUIRE_MESSAGE(row.has_value(), error_text(row));
  BOOST_TEST(to_row_json(*row) == written);
}

// Each field that is there is taken away, or becomes of another type: the error names it.
template <class Row>
void needs_every_field(std::string_view text, Expected<Row> (*parse)(const json&)) {
  const json written = json::parse(text);
  for (const auto& [name, value] : written.items()) {
    json without = written;
    without.erase(name);
    BOOST_TEST(holds(error_text(parse(without)), "the daemon's reply: " + name + ": is missing"), name);
    json other = written;
    other[name] = json::array({json::object()});
    BOOST_TEST(holds(error_text(parse(other)), "the daemon's reply: " + name), name);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(row_json)

BOOST_AUTO_TEST_CASE(every_row_goes_to_json_and_back) {
  round_trip(kSaRow, parse_sa_row);
  json tunnel = json::parse(kSaRow);
  tunnel["outer"] = {{"dscp", 0}, {"ecn", "off"}, {"df", "set"}, {"ttl", "copy"}, {"fragment", "before"}};
  round_trip(tunnel.dump(), parse_sa_row);
  round_trip(R"({"members": ["tun.113@192.0.2.2", "esp.115@192.0.2.2"]})", parse_group_row);
  round_trip(R"({"selector": {"source": "10.1.0.0/24", "destination": "10.2.0.0/24", "protocol": 17,
                              "source_port": 1, "destination_port": 2},
                 "target": "tun.113@192.0.2.2", "packets": 9, "group": ["tun.113@192.0.2.2"]})",
             parse_eroute_row);
  round_trip(R"({"selector": {"source": "::/0", "destination": "::/0"}, "target": "%hold", "packets": 0, "group": []})",
             parse_eroute_row);
  round_trip(R"({"name": "ipsec0", "port": "wan", "port_mtu_bytes": 1500})", parse_interface_row);
  round_trip(R"({"name": "ipsec0", "port": "", "port_mtu_bytes": 0})", parse_interface_row);
  round_trip(R"({"address": "192.0.2.1/24", "device": "wan"})", parse_address_row);
  round_trip(R"({"destination": "10.2.0.0/24", "via": "192.0.2.2", "device": "ipsec0"})", parse_route_row);
  round_trip(R"({"destination": "::/0"})", parse_route_row);
  round_trip(R"({"spec": {"address": "192.0.2.2", "device": "wan", "mac": "02:00:00:00:00:01"}, "is_static": true})",
             parse_neighbour_row);
  round_trip(R"({"name": "aes128gcm16", "protocol": "esp", "encryption_key_bits": 160, "authentication_key_bits": 1,
                 "icv_bits": 128, "requirement": "MUST", "cycles_per_kilobyte": 700})",
             parse_algorithm_row);
}

BOOST_AUTO_TEST_CASE(fields_land_where_their_names_say) {
  const SaRow row = parse_sa_row(json::parse(kSaRow)).value();
  BOOST_TEST((row.id.text() == "esp:115@2001:db8::2" && row.source.text() == "2001:db8::1"));
  BOOST_TEST((row.algorithm == "AES128GCM16" && row.direction == "out" && row.replay_window == 4096));
  BOOST_TEST((row.sequence == UINT64_MAX && row.window_bits == uint64_t{1} << 63));
  BOOST_TEST((row.icv_bits == 128 && row.authentication_key_bits == 1 && row.encryption_key_bits == 160));
  BOOST_TEST((row.packets == 2 && row.bytes == 3 && row.authentication_failures == 4 && row.replays == 5));
  BOOST_TEST((row.outside_window == 6 && row.malformed == 7 && row.exhausted == 8 && row.compressed_bytes == 11));
  BOOST_TEST((row.age_s == 9 && row.idle_s == -1 && row.used_s == 10 && row.group.size() == 2));
}

BOOST_AUTO_TEST_CASE(a_field_that_is_missing_or_of_another_type_is_named) {
  needs_every_field(kSaRow, parse_sa_row);
  needs_every_field(R"({"members": ["tun.113@192.0.2.2"]})", parse_group_row);
  needs_every_field(R"({"name": "ipsec0", "port": "wan", "port_mtu_bytes": 1500})", parse_interface_row);
  needs_every_field(R"({"address": "192.0.2.1/24", "device": "wan"})", parse_address_row);
  needs_every_field(R"({"name": "a", "protocol": "esp", "encryption_key_bits": 1, "authentication_key_bits": 1,
                        "icv_bits": 1})",
                    parse_algorithm_row);
}

BOOST_AUTO_TEST_CASE(a_newer_daemons_fields_are_passed_over) {
  json row = json::parse(R"({"name": "ipsec0", "port": "wan", "port_mtu_bytes": 1500, "colour": {"deep": [1]}})");
  BOOST_TEST(parse_interface_row(row)->port == "wan");
  json nested = json::parse(R"({"spec": {"address": "192.0.2.2", "device": "wan", "mac": "02:00:00:00:00:01",
                                         "age": 3}, "is_static": false})");
  BOOST_TEST(error_text(parse_neighbour_row(nested)) == "");
}

BOOST_AUTO_TEST_CASE(a_reply_that_is_no_row_is_an_error_with_a_remedy) {
  for (const std::string_view text : {"null", "[]", "1", "\"x\"", "{}"}) {
    const auto row = parse_sa_row(json::parse(text));
    BOOST_REQUIRE(!row.has_value());
    BOOST_TEST(row.error().object == "the daemon's reply");
    BOOST_TEST(holds(row.error().remedy, "different versions"));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
