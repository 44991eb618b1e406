// Requests as JSON and back: every method, and that whatever is wrong is named, but a key is not.
#include "config/request.h"

#include <cctype>
#include <set>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "error_text.h"

namespace spigrp {

using nlohmann::json;
using test::error_text;
using test::holds;

namespace {

struct Example {
  std::string_view method, params;
};

// Every method, as request_params writes it; some twice, with and without what may be left out.
constexpr Example kRequests[] = {
    {"sa.add", R"({"spec": {"id": "esp.115@192.0.2.2", "source": "192.0.2.1", "algorithm": "aes128gcm16",
                            "encryption_key": "0x000102030405060708090a0b0c0d0e0f10111213"}})"},
    {"sa.add", R"({"spec": {"id": "ah:116@2001:db8::2", "source": "2001:db8::1", "algorithm": "hmac-sha1-96",
                            "authentication_key": "0x000102030405060708090a0b0c0d0e0f10111213", "replay_window": 0}})"},
    {"sa.add", R"({"spec": {"id": "tun.113@192.0.2.2", "source": "192.0.2.1", "tunnel_destination": "192.0.2.2"}})"},
    {"sa.add", R"({"spec": {"id": "comp.2@192.0.2.2", "source": "192.0.2.1", "algorithm": "deflate"}})"},
    {"sa.delete", R"({"id": "esp.115@192.0.2.2"})"},
    {"sa.clear", "{}"},
    {"group.set", R"({"members": ["tun.113@192.0.2.2", "esp.115@192.0.2.2", "ah:116@2001:db8::2"]})"},
    {"group.replace", R"({"members": ["tun.113@192.0.2.2", "esp.115@192.0.2.2"]})"},
    {"group.dissolve", R"({"member": "tun.113@192.0.2.2"})"},
    {"eroute.set", R"({"selector": {"source": "10.1.0.0/24", "destination": "10.2.0.0/24"},
                       "target": "tun.113@192.0.2.2"})"},
    {"eroute.set", R"({"selector": {"source": "fd00:1::/64", "destination": "::/0", "protocol": 6, "source_port": 80,
                                    "destination_port": 65535}, "target": "%trap", "existing": "replace"})"},
    {"eroute.delete", R"({"selector": {"source": "10.1.0.0/24", "destination": "10.2.0.0/24", "protocol": 255}})"},
    {"eroute.clear", "{}"},
    {"interface.create", R"({"name": "ipsec0"})"},
    {"interface.delete", R"({"name": "ipsec63"})"},
    {"interface.attach", R"({"name": "ipsec0", "port": "wan"})"},
    {"interface.detach", R"({"name": "ipsec0"})"},
    {"interface.clear", "{}"},
    {"address.add", R"({"spec": {"address": "192.0.2.1/24", "device": "wan"}})"},
    {"address.delete", R"({"spec": {"address": "2001:db8::1/64", "device": "wan"}})"},
    {"route.add", R"({"spec": {"destination": "10.2.0.0/24", "via": "192.0.2.2", "device": "ipsec0"},
                      "existing": "replace"})"},
    {"route.add", R"({"spec": {"destination": "10.2.0.0/24"}})"},
    {"route.delete", R"({"destination": "10.2.0.0/24"})"},
    {"neighbour.set", R"({"spec": {"address": "192.0.2.2", "device": "wan", "mac": "02:00:00:00:00:01"}})"},
    {"neighbour.delete", R"({"address": "2001:db8::2", "device": "wan"})"},
    {"batch", R"({"edits": [{"line": 3, "method": "sa.delete", "params": {"id": "esp.115@192.0.2.2"}},
                            {"line": 0, "method": "eroute.clear", "params": {}}]})"},
    {"batch", R"({"edits": []})"},
    {"sa.list", R"({"cursor": 0, "limit": 1000})"},
    {"group.list", R"({"cursor": 18446744073709551615, "limit": 10000})"},
    {"eroute.list", R"({"cursor": 1, "limit": 1})"},
    {"interface.list", R"({"cursor": 0, "limit": 1000})"},
    {"address.list", R"({"cursor": 0, "limit": 1000})"},
    {"route.list", R"({"cursor": 0, "limit": 1000})"},
    {"neighbour.list", R"({"cursor": 0, "limit": 1000})"},
    {"path_mtu.list", R"({"cursor": 0, "limit": 1000})"},
    {"sa.add", R"({"spec": {"id": "tun.113@192.0.2.2", "source": "192.0.2.1", "tunnel_destination": "192.0.2.2",
                            "outer": {"dscp": 46, "ecn": "off", "df": "clear", "ttl": "copy", "fragment": "before"}}})"},
    {"sa.replace", R"({"spec": {"id": "esp.115@192.0.2.2", "source": "192.0.2.1", "algorithm": "aes128gcm16",
                                "encryption_key": "0x00", "sent": 7, "received": 4294967295, "made_at_s": 1700000000}})"},
    {"eroute.set",
     R"({"selector": {"source": "10.1.0.0/24", "destination": "10.2.0.0/24"}, "target": "esp.115@192.0.2.2",
                       "dissolved": true})"},
    {"begin", "{}"},
    {"lines", R"({"text": "spi --clear\nspigrp", "line": 3})"},
    {"commit", "{}"},
    {"commit", R"({"if_generation": 17})"},
    {"abort", "{}"},
    {"save", R"({"cursor": 4294967296, "limit": 10, "keys": true})"},
    {"algorithms", "{}"},
    {"stats", "{}"},
    {"status", "{}"},
    {"monitor", R"({"events": ["expire", "acquire"]})"},
    {"explain", R"({"source": "10.1.0.2", "destination": "10.2.0.2"})"},
    {"explain", R"({"source": "fd00:1::2", "destination": "fd00:2::2", "protocol": 6, "source_port": 1024,
                    "destination_port": 443, "bytes": 1280, "ttl": 3, "dont_fragment": true, "port": "lan",
                    "out_of": "tun.114@192.0.2.1"})"},
    {"debug", "{}"},
    {"debug", R"({"set": ["esp", "tunnel-xmit"], "clear": ["verbose"]})"},
};
// batch, begin, lines, commit, abort, save, algorithms, stats, status, monitor, explain, debug
constexpr size_t kListCount = 8, kOtherCount = 12;

Expected<Request> parse(std::string_view method, std::string_view params) {
  return parse_request(method, json::parse(params));
}

template <class T>
T parse_edit(std::string_view method, std::string_view params) {
  return std::get<T>(std::get<Edit>(parse(method, params).value()));
}

// The one example of a method with something in it, changed by a JSON patch (RFC 6902).
std::string refusal(std::string_view method, std::string_view patch) {
  for (const auto& [name, params] : kRequests) {
    if (name != method) continue;
    return error_text(parse_request(method, json::parse(params).patch(json::parse(patch))));
  }
  return "no example of " + std::string(method);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(request)

BOOST_AUTO_TEST_CASE(every_method_goes_to_json_and_back) {
  std::set<std::string_view> methods;
  for (const auto& [method, params] : kRequests) {
    const auto request = parse(method, params);
    BOOST_REQUIRE_MESSAGE(request.has_value(), method << ": " << error_text(request));
    BOOST_TEST(method_name(*request) == method);
    BOOST_TEST(request_params(*request) == json::parse(params));
    BOOST_TEST(is_method(method));
    methods.insert(method);
  }
  BOOST_TEST(methods.size() == std::variant_size_v<Edit> + kListCount + kOtherCount);
}

BOOST_AUTO_TEST_CASE(fields_land_where_their_names_say) {
  const auto sa = parse_edit<SaAdd>("sa.add", kRequests[1].params).spec;
  BOOST_TEST((sa.id == parse_sa_id("ah:116@2001:db8::2").value() && sa.source.text() == "2001:db8::1"));
  BOOST_TEST((sa.algorithm == "hmac-sha1-96" && sa.encryption_key.empty() && sa.replay_window == 0));
  BOOST_TEST(sa.authentication_key.to_hex() == "0x000102030405060708090a0b0c0d0e0f10111213");
  const auto esp = parse_edit<SaAdd>("sa.add", kRequests[0].params).spec;
  BOOST_TEST((esp.replay_window == kDefaultReplayWindow && esp.authentication_key.empty()));
  BOOST_TEST(esp.encryption_key.size() == 20u);
  BOOST_TEST(esp.tunnel_destination.is_unspecified());

  const auto eroute = parse_edit<ErouteSet>("eroute.set", kRequests[10].params);
  BOOST_TEST((eroute.selector.source.text() == "fd00:1::/64" && eroute.selector.destination.text() == "::/0"));
  BOOST_TEST((eroute.selector.protocol == 6 && eroute.selector.source_port == 80));
  BOOST_TEST(eroute.selector.destination_port == 65535);
  BOOST_TEST((eroute.target == ErouteTarget(MagicTarget::kTrap) && eroute.existing == ExistingEntry::kReplace));

  const auto attach = parse_edit<InterfaceAttach>("interface.attach", R"({"name": "ipsec1", "port": "wan"})");
  BOOST_TEST((attach.name == "ipsec1" && attach.port == "wan"));
  const auto group = parse_edit<GroupSet>("group.set", R"({"members": ["ah.2ff@192.0.2.2", "esp.1ff@192.0.2.2"]})");
  BOOST_TEST((group.members.size() == 2 && group.members[0].spi == 0x2ff && group.members[1].spi == 0x1ff));
  const auto route = parse_edit<RouteAdd>("route.add", R"({"spec": {"destination": "10.2.0.0/24"}})");
  BOOST_TEST((!route.spec.via && route.spec.device.empty() && route.existing == ExistingEntry::kRefuse));
  const auto list = std::get<List>(parse("eroute.list", R"({"cursor": 7, "limit": 2})").value());
  BOOST_TEST((list.kind == ListKind::kEroutes && list.cursor == 7 && list.limit == 2));
  BOOST_TEST(std::get<List>(parse("sa.list", "{}").value()).limit == 1000u);
  const auto batch = std::get<Batch>(parse("batch", kRequests[25].params).value());
  BOOST_TEST((batch.edits.size() == 2 && batch.edits.front().line == 3 && batch.edits.back().line == 0));
  BOOST_TEST(std::holds_alternative<SaDelete>(batch.edits.front().edit));
  const auto debug = std::get<DebugFlags>(parse("debug", kRequests[std::size(kRequests) - 1].params).value());
  BOOST_TEST((debug.set.size() == 2 && debug.clear == std::vector<std::string>{"verbose"}));
}

BOOST_AUTO_TEST_CASE(unknown_methods_are_refused) {
  for (const std::string_view method : {"", "sa", "sa.add ", "SA.ADD", "sa.get", "rpc.discover", "sa.list.all"}) {
    BOOST_TEST(!is_method(method));
    BOOST_TEST(holds(error_text(parse(method, "{}")), "no such method"), method);
  }
}

BOOST_AUTO_TEST_CASE(params_that_are_no_object_are_refused_by_every_method) {
  for (const auto& [method, params] : kRequests) {
    for (const std::string_view other : {"null", "[]", "1", "\"x\"", "true", "[{}]"}) {
      BOOST_TEST(!parse(method, other).has_value(), method << " took " << other);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_field_too_many_is_named_at_every_depth) {
  for (const auto& [method, params] : kRequests) {
    json more = json::parse(params);
    more["colour"] = 1;
    const std::string text = error_text(parse_request(method, more));
    BOOST_TEST((holds(text, "colour: no such field") || holds(text, "batch: has fields besides edits")), text);
  }
  BOOST_TEST(
      refusal("sa.add", R"([{"op": "add", "path": "/spec/colour", "value": 1}])") ==
      "spec.colour: no such field; the fields here are id, source, algorithm, encryption_key, "
      "authentication_key, replay_window, extended_sequence, tunnel_destination, outer, lifetime, sent, received, "
      "made_at_s, udp_encapsulation");
  BOOST_TEST(holds(refusal("eroute.set", R"([{"op": "add", "path": "/selector/port", "value": 1}])"),
                   "selector.port: no such field"));
  BOOST_TEST(holds(refusal("batch", R"([{"op": "add", "path": "/edits/1/colour", "value": 1}])"),
                   "edits[1].colour: no such field"));
  BOOST_TEST(holds(refusal("batch", R"([{"op": "add", "path": "/edits/0/params/colour", "value": 1}])"),
                   "edits[0].params.colour: no such field"));
  BOOST_TEST(holds(error_text(parse("stats", R"({"colour": 1})")), "there are no fields here"));
}

// Takes each field away in turn: either the request says which one is missing, or the field may be left out.
BOOST_AUTO_TEST_CASE(a_missing_field_is_named) {
  const struct {
    std::string_view method, path, named;
  } cases[] = {
      {"sa.add", "/spec", "spec: is missing"},
      {"sa.add", "/spec/id", "spec.id: is missing"},
      {"sa.add", "/spec/source", "spec.source: is missing"},
      {"sa.add", "/spec/encryption_key", "has no key"},
      {"sa.delete", "/id", "id: is missing"},
      {"group.set", "/members", "members: is missing"},
      {"group.dissolve", "/member", "member: is missing"},
      {"eroute.set", "/selector", "selector: is missing"},
      {"eroute.set", "/selector/source", "selector.source: is missing"},
      {"eroute.set", "/selector/destination", "selector.destination: is missing"},
      {"eroute.set", "/target", "target: is missing"},
      {"interface.create", "/name", "name: is missing"},
      {"interface.attach", "/port", "port: is missing"},
      {"address.add", "/spec/device", "spec.device: is missing"},
      {"route.add", "/spec/destination", "spec.destination: is missing"},
      {"route.delete", "/destination", "destination: is missing"},
      {"neighbour.set", "/spec/mac", "spec.mac: is missing"},
      {"neighbour.delete", "/device", "device: is missing"},
      {"batch", "/edits", "edits: is missing"},
      {"batch", "/edits/0/method", "edits[0].method: is missing"},
      {"batch", "/edits/1/params", "edits[1].params: is missing"},
  };
  for (const auto& [method, path, named] : cases) {
    const std::string text = refusal(method, json::array({{{"op", "remove"}, {"path", path}}}).dump());
    BOOST_TEST(holds(text, named), text << " where this was due: " << named);
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_value_is_named) {
  const struct {
    std::string_view method, path, value, named;
  } cases[] = {
      {"sa.add", "/spec", "[]", "spec: must be an object"},
      {"sa.add", "/spec/id", "1", "spec.id: must be a string"},
      {"sa.add", "/spec/id", "\"esp.5@192.0.2.2\"", "spec.id: esp.5@192.0.2.2: SPI 0x5: 0 … 0xff are reserved"},
      {"sa.add", "/spec/source", "\"gw1\"", "spec.source: gw1: not an IPv4 or IPv6 address"},
      {"sa.add", "/spec/source", "\"2001:db8::1\"", "another address family"},
      {"sa.add", "/spec/replay_window", "65536", "spec.replay_window: must be a whole number from 0 to 65535"},
      {"sa.add", "/spec/replay_window", "-1", "spec.replay_window: must be a whole number"},
      {"sa.add", "/spec/replay_window", "64.0", "spec.replay_window: must be a whole number"},
      {"sa.add", "/spec/replay_window", "\"64\"", "spec.replay_window: must be a whole number"},
      {"sa.add", "/spec/replay_window", "true", "spec.replay_window: must be a whole number"},
      {"sa.add", "/spec/replay_window", "1e300", "spec.replay_window: must be a whole number"},
      {"sa.add", "/spec/replay_window", "4097", "too large"},
      {"sa.add", "/spec/algorithm", "null", "spec.algorithm: must be a string"},
      {"sa.add", "/spec/algorithm", R"("a\u0000b")", "spec.algorithm: has control characters"},
      {"sa.add", "/spec/outer", "[]", "spec.outer: must be an object"},
      {"sa.add", "/spec/outer", R"({"fragment": "often"})", "spec.outer.fragment: often: is neither before nor after"},
      {"sa.add", "/spec/outer", R"({"dscp": "all"})", "spec.outer.dscp: all: is neither copy nor a number up to 255"},
      {"sa.add", "/spec/outer", R"({"dscp": 256})", "spec.outer.dscp: must be a whole number from 0 to 255"},
      {"sa.add", "/spec/outer", R"({"ttl": null})", "spec.outer.ttl: must be copy or a number"},
      {"sa.add", "/spec/outer", R"({"ecn": "on"})", "spec.outer.ecn: on: is neither copy nor off"},
      {"sa.add", "/spec/outer", R"({"df": "keep"})", "spec.outer.df: keep: is none of copy, set and clear"},
      {"sa.add", "/spec/outer", R"({"fragment": "before"})", "only a tun SA makes an outer header"},
      {"group.set", "/members", "\"tun.113@192.0.2.2\"", "members: must be an array"},
      {"group.set", "/members/1", "null", "members[1]: must be a string"},
      {"group.set", "/members/2", "\"tun\"", "members[2]: tun: not a SAID"},
      {"eroute.set", "/selector/source", "\"10.1.0.1/24\"", "host bits set; write 10.1.0.0/24"},
      {"eroute.set", "/selector/source", "\"10.1.0.0/33\"", "selector.source: 10.1.0.0/33"},
      {"eroute.set", "/selector/protocol", "256", "selector.protocol: must be a whole number from 0 to 255"},
      {"eroute.set", "/selector/source_port", "80", "only TCP, UDP and SCTP have ports"},
      {"eroute.set", "/target", "\"%nothing\"", "target: %nothing: is no magic SAID"},
      {"eroute.set", "/existing", "\"keep\"", "existing: keep: is neither refuse nor replace"},
      {"interface.create", "/name", "\"eth0\"", "eth0: is no protected interface"},
      {"interface.attach", "/name", "\"ipsec64\"", "ipsec64: is no protected interface"},
      {"address.add", "/spec/address", "\"0.0.0.0/0\"", "is the unspecified address"},
      {"address.add", "/spec/device", "\"\"", "names no port"},
      {"route.add", "/spec/via", "\"2001:db8::2\"", "its gateway is of another address family"},
      {"route.add", "/spec/destination", "\"10.2.0.1/24\"", "has host bits set"},
      {"route.delete", "/destination", "\"10.2.0.1/24\"", "has host bits set"},
      {"neighbour.set", "/spec/mac", "\"02:00\"", "spec.mac: 02:00: not an Ethernet address"},
      {"sa.list", "/limit", "0", "limit: must be a whole number from 1 to 10000"},
      {"sa.list", "/limit", "10001", "limit: must be a whole number from 1 to 10000"},
      {"sa.list", "/cursor", "18446744073709551616", "cursor: must be a whole number"},
      {"debug", "/set", "[\"all\"]", "all: no such log topic"},
      {"debug", "/clear", "[1]", "clear[0]: must be a string"},
      {"batch", "/edits", "{}", "edits: must be an array"},
      {"batch", "/edits/0", "[]", "edits[0]: must be an object"},
      {"batch", "/edits/1/line", "4294967296", "edits[1].line: must be a whole number from 0 to 4294967295"},
      {"batch", "/edits/1/method", "\"sa.list\"", "edits[1].method: sa.list is no edit"},
      {"batch", "/edits/1/method", "\"batch\"", "edits[1].method: batch is no edit"},
      {"batch", "/edits/0/params/id", "\"esp\"", "edits[0].params.id: esp: not a SAID"},
  };
  for (const auto& [method, path, value, named] : cases) {
    // "add" sets a field, whether it is there or not, but would put a new element into an array.
    const bool is_element = std::isdigit(static_cast<unsigned char>(path.back())) != 0;
    const json patch = {{{"op", is_element ? "replace" : "add"}, {"path", path}, {"value", json::parse(value)}}};
    const std::string text = refusal(method, patch.dump());
    BOOST_TEST(holds(text, named), method << path << ": " << text << " where this was due: " << named);
  }
}

BOOST_AUTO_TEST_CASE(what_a_check_finds_in_a_batch_is_said_with_the_edit) {
  const auto batch = parse("batch", R"({"edits": [
      {"method": "sa.delete", "params": {"id": "esp.115@192.0.2.2"}},
      {"method": "sa.add", "params": {"spec": {"id": "esp.116@192.0.2.2", "source": "192.0.2.1"}}}]})");
  BOOST_TEST(error_text(batch) == "edits[1]: esp.116@192.0.2.2: has no algorithm; spi --algorithms lists them");
}

BOOST_AUTO_TEST_CASE(strings_are_bounded) {
  json params = json::parse(R"({"name": "ipsec0", "port": ""})");
  params["port"] = std::string(4096, 'x');
  BOOST_TEST(error_text(parse_request("interface.attach", params)) == "");
  params["port"] = std::string(4097, 'x');
  BOOST_TEST(error_text(parse_request("interface.attach", params)) == "port: is a string of more than 4096 bytes");
}

// Invariant 5: no_key_byte_leaves_the_process.
BOOST_AUTO_TEST_CASE(an_error_never_repeats_a_key) {
  const std::string secret = "5ec7e75ec7e7";
  for (const char* field : {"encryption_key", "authentication_key"}) {
    const json values[] = {"0x" + secret + "f",
                           "0x" + secret + "zz",
                           secret,
                           "0s" + secret + "*",
                           "0x" + std::string(600, '5') + secret,
                           std::string(5000, 'x') + secret,
                           5,
                           json::array({secret}),
                           {{"key", secret}},
                           nullptr,
                           true};
    for (const json& value : values) {
      json params = json::parse(kRequests[0].params);
      params["spec"][field] = value;
      const auto read = parse_request("sa.add", params);
      BOOST_REQUIRE_MESSAGE(!read.has_value(), value);
      BOOST_TEST(holds(error_text(read), std::string("spec.") + field), error_text(read));
      BOOST_TEST(!holds(error_text(read), "5ec7e7"), error_text(read));
    }
  }
  // A good key in a spec that is wrong elsewhere.
  for (const std::string_view patch : {R"([{"op": "replace", "path": "/spec/algorithm", "value": ""}])",
                                       R"([{"op": "replace", "path": "/spec/source", "value": "::1"}])",
                                       R"([{"op": "replace", "path": "/spec/id", "value": "ah.115@192.0.2.2"}])",
                                       R"([{"op": "add", "path": "/spec/replay_window", "value": 9999}])"}) {
    const std::string text = refusal("sa.add", patch);
    BOOST_TEST(text != "");
    BOOST_TEST(!holds(text, "0001020304"), text);
  }
}

BOOST_AUTO_TEST_CASE(a_deep_message_is_refused_without_following_it) {
  json deep = 1;
  for (unsigned i = 0; i < 1000; ++i) deep = json::array({std::move(deep)});
  BOOST_TEST(!parse_request("group.set", json{{"members", deep}}).has_value());
  BOOST_TEST(!parse_request("sa.add", json{{"spec", deep}}).has_value());
  BOOST_TEST(!parse_request("batch", json{{"edits", deep}}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
