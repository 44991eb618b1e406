// UDP encapsulation as a value: which SAs may have it, and how it travels to the daemon.
#include "config/udp_encapsulation.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "config/request.h"
#include "error_text.h"

namespace spigrp {

using test::error_text;
using test::holds;

namespace {

SaSpec spec_in_udp(std::string_view id, std::string_view algorithm) {
  return {.id = parse_sa_id(id).value(),
          .source = parse_ip_address("192.0.2.1").value(),
          .algorithm = std::string(algorithm),
          .encryption_key = parse_key("0x" + std::string(40, 'a')).value(),
          .udp_encapsulation = UdpEncapsulation()};
}

nlohmann::json params_in_udp() {
  return {{"spec",
           {{"id", "esp.115@192.0.2.2"},
            {"source", "192.0.2.1"},
            {"algorithm", "aes128gcm16"},
            {"encryption_key", "0x" + std::string(40, 'a')},
            {"udp_encapsulation", {{"source_port", 4500}, {"destination_port", 40001}}}}}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(udp_encapsulation)

BOOST_AUTO_TEST_CASE(an_esp_sa_may_have_it_with_any_port_but_0) {
  SaSpec spec = spec_in_udp("esp.115@192.0.2.2", "aes128gcm16");
  BOOST_TEST((*spec.udp_encapsulation == UdpEncapsulation{4500, 4500}));
  BOOST_TEST(error_text(validate(spec)) == "");
  for (uint16_t UdpEncapsulation::*port : {&UdpEncapsulation::source_port, &UdpEncapsulation::destination_port}) {
    spec.udp_encapsulation = UdpEncapsulation{1, 65535};
    BOOST_TEST(error_text(validate(spec)) == "");
    (*spec.udp_encapsulation).*port = 0;
    BOOST_TEST(holds(error_text(validate(spec)), "esp.115@192.0.2.2"));
    BOOST_TEST(holds(error_text(validate(spec)), "port 0"));
  }
}

BOOST_AUTO_TEST_CASE(no_other_sa_may_have_it) {
  SaSpec ah = spec_in_udp("ah.116@192.0.2.2", "hmac-sha1-96");
  ah.authentication_key = std::move(ah.encryption_key);
  SaSpec comp = spec_in_udp("comp.200@192.0.2.2", "deflate");
  comp.encryption_key = Key();
  SaSpec tunnel = spec_in_udp("tun.113@192.0.2.2", "");
  tunnel.encryption_key = Key();
  tunnel.tunnel_destination = tunnel.id.destination;
  for (SaSpec* spec : {&ah, &comp, &tunnel}) {
    BOOST_TEST(holds(error_text(validate(*spec)), "only esp"));
    spec->udp_encapsulation.reset();
    BOOST_TEST(error_text(validate(*spec)) == "");
  }
}

BOOST_AUTO_TEST_CASE(it_comes_through_json_as_it_was_and_absent_when_absent) {
  const auto request = parse_request("sa.add", params_in_udp());
  BOOST_REQUIRE_MESSAGE(request.has_value(), (request ? "" : request.error().text()));
  const auto& add = std::get<SaAdd>(std::get<Edit>(*request));
  BOOST_TEST((add.spec.udp_encapsulation == UdpEncapsulation{4500, 40001}));
  BOOST_TEST(request_params(*request).at("spec").at("udp_encapsulation").at("destination_port") == 40001);

  nlohmann::json params = params_in_udp();
  params["spec"]["udp_encapsulation"] = nlohmann::json::object();
  BOOST_TEST((std::get<SaAdd>(std::get<Edit>(*parse_request("sa.add", params))).spec.udp_encapsulation ==
              UdpEncapsulation{4500, 4500}));
  params["spec"].erase("udp_encapsulation");
  const auto without = parse_request("sa.add", params);
  BOOST_TEST(!std::get<SaAdd>(std::get<Edit>(*without)).spec.udp_encapsulation.has_value());
  BOOST_TEST(!request_params(*without).at("spec").contains("udp_encapsulation"));
}

BOOST_AUTO_TEST_CASE(wrong_json_is_refused_with_the_name_of_the_field) {
  for (const auto& [value, named] :
       {std::pair<nlohmann::json, std::string>({{"source_port", 65536}}, "spec.udp_encapsulation.source_port"),
        {{{"destination_port", "4500"}}, "spec.udp_encapsulation.destination_port"},
        {{{"port", 4500}}, "spec.udp_encapsulation.port"},
        {4500, "spec.udp_encapsulation"},
        {{{"source_port", 0}}, "port 0"}}) {
    nlohmann::json params = params_in_udp();
    params["spec"]["udp_encapsulation"] = value;
    const auto request = parse_request("sa.add", params);
    BOOST_REQUIRE(!request.has_value());
    BOOST_TEST(holds(request.error().text(), named), request.error().text());
  }
}

BOOST_AUTO_TEST_CASE(a_row_tells_the_peers_port_only_where_it_has_changed) {
  SaRow row;
  row.id = parse_sa_id("esp.115@192.0.2.2").value();
  row.source = parse_ip_address("192.0.2.1").value();
  BOOST_TEST(!to_row_json(row).contains("udp_encapsulation"));
  row.udp_encapsulation = UdpEncapsulation{4500, 4501};
  BOOST_TEST(!to_row_json(row).contains("peer_port"));
  row.peer_port = 40007;
  const SaRow read = parse_sa_row(to_row_json(row)).value();
  BOOST_TEST((read.udp_encapsulation == row.udp_encapsulation));
  BOOST_TEST((read.peer_port == row.peer_port));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
