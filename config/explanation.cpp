// See explanation.h. Fields that this version does not know are passed over, as in rows.
#include "config/explanation.h"

#include <memory>

#include "config/json_fields.h"

namespace spigrp {

void fields(auto& f, FieldsOf<ExplainedRoute> auto& route) {
  f("destination", route.destination);
  f("prefix", route.prefix, std::optional<IpPrefix>());
  f("leads_to", route.leads_to);
  f("device", route.device, std::string());
  f("port", route.port, std::string());
  f("via", route.via, std::optional<IpAddress>());
}

void fields(auto& f, FieldsOf<ExplainedEroute> auto& eroute) {
  f("selector", eroute.selector);
  f("target", eroute.target);
}

void fields(auto& f, FieldsOf<ExplainedStep> auto& step) {
  f("sa", step.sa);
  f("bytes_before", step.bytes_before);
  f("bytes_after", step.bytes_after);
  f("at_most", step.at_most, false);
}

void fields(auto& f, FieldsOf<ExplainedPacket> auto& packet) {
  f("bytes", packet.bytes);
  f("steps", packet.steps);
  f("sent_bytes", packet.sent_bytes);
  f("at_most", packet.at_most, false);
  f("reason", packet.reason, std::string());
  f("object", packet.object, std::string());
}

void fields(auto& f, FieldsOf<ExplainedNextHop> auto& hop) {
  f("address", hop.address);
  f("port", hop.port);
  f("mtu_bytes", hop.mtu_bytes);
  f("mac", hop.mac, std::optional<MacAddress>());
}

void fields(auto& f, FieldsOf<ExplainedIcmp> auto& icmp) {
  f("type", icmp.type);
  f("code", icmp.code);
  f("meaning", icmp.meaning);
  f("mtu_bytes", icmp.mtu_bytes, uint32_t{0});
}

namespace {

// All but the answer, which is an explanation itself and has none.
void plain_fields(auto& f, FieldsOf<Explanation> auto& e) {
  f("source", e.source);
  f("destination", e.destination);
  f("protocol", e.protocol);
  f("source_port", e.source_port, uint16_t{0});
  f("destination_port", e.destination_port, uint16_t{0});
  f("bytes", e.bytes);
  f("port", e.port);
  f("out_of_group", e.out_of_group);
  f("route", e.route, std::optional<ExplainedRoute>());
  f("eroute", e.eroute, std::optional<ExplainedEroute>());
  f("reverse_eroute", e.reverse_eroute, std::optional<ExplainedEroute>());
  f("group", e.group);
  f("group_mtu_bytes", e.group_mtu_bytes, uint16_t{0});
  f("group_fits_bytes", e.group_fits_bytes, uint32_t{0});
  f("packets", e.packets);
  f("outer_route", e.outer_route, std::optional<ExplainedRoute>());
  f("next_hop", e.next_hop, std::optional<ExplainedNextHop>());
  f("fate", e.fate);
  f("reason", e.reason, std::string());
  f("meaning", e.meaning, std::string());
  f("object", e.object, std::string());
  f("icmp", e.icmp, std::optional<ExplainedIcmp>());
}

Expected<Explanation> read_plain(const nlohmann::json& json) {
  // On the heap: on the stack gcc 12 takes empty optionals for uninitialized strings.
  const auto explanation = std::make_unique<Explanation>();
  FieldReader reader(json, {}, UnknownFields::kIgnored);
  plain_fields(reader, *explanation);
  if (const auto read = reader.finish(); !read) {
    return failure("the daemon's reply", read.error().text(),
                   "the daemon and this command may be of different versions");
  }
  return std::move(*explanation);
}

}  // namespace

nlohmann::json to_json(const Explanation& explanation) {
  FieldWriter writer;
  plain_fields(writer, explanation);
  if (!explanation.answer.empty()) writer.object["answer"] = to_json(explanation.answer.front());
  return std::move(writer.object);
}

Expected<Explanation> parse_explanation(const nlohmann::json& json) {
  auto explanation = read_plain(json);
  if (!explanation) return explanation;
  if (const auto answer = json.find("answer"); answer != json.end()) {
    auto read = read_plain(*answer);
    if (!read) return read;
    explanation->answer.push_back(std::move(*read));
  }
  return explanation;
}

}  // namespace spigrp
