// The rows of lists, to and from JSON. Fields that this version does not know are passed over, so that a command can
// read a newer daemon's rows.
#include "config/json_fields.h"

namespace spigrp {
namespace {

void fields(auto& f, FieldsOf<SaRow> auto& row) {
  f("id", row.id);
  f("source", row.source);
  f("algorithm", row.algorithm);
  f("direction", row.direction);
  f("replay_window", row.replay_window);
  f("extended_sequence", row.extended_sequence);
  f("sequence", row.sequence);
  f("window_bits", row.window_bits);
  f("icv_bits", row.icv_bits);
  f("authentication_key_bits", row.authentication_key_bits);
  f("encryption_key_bits", row.encryption_key_bits);
  f("packets", row.packets);
  f("bytes", row.bytes);
  f("authentication_failures", row.authentication_failures);
  f("replays", row.replays);
  f("outside_window", row.outside_window);
  f("malformed", row.malformed);
  f("exhausted", row.exhausted);
  f("compressed_bytes", row.compressed_bytes);
  f("age_s", row.age_s);
  f("idle_s", row.idle_s);
  f("used_s", row.used_s);
  f("outer", row.outer, OuterHeader());
  f("lifetime", row.lifetime, LifetimeSpec());
  f("allocations", row.allocations, uint64_t{0});
  f("lifetime_packets", row.lifetime_packets, uint64_t{0});
  f("lifetime_bytes", row.lifetime_bytes, uint64_t{0});
  f("expired", row.expired, uint64_t{0});
  f("expiry", row.expiry, std::string());
  f("udp_encapsulation", row.udp_encapsulation, std::optional<UdpEncapsulation>());
  f("peer_port", row.peer_port, std::optional<uint16_t>());
  f("group", row.group);
}

void fields(auto& f, FieldsOf<GroupRow> auto& row) {
  f("members", row.members);
}

void fields(auto& f, FieldsOf<ErouteRow> auto& row) {
  f("selector", row.selector);
  f("target", row.target);
  f("packets", row.packets);
  f("group", row.group);
}

void fields(auto& f, FieldsOf<InterfaceRow> auto& row) {
  f("name", row.name);
  f("port", row.port);
  f("port_mtu_bytes", row.port_mtu_bytes);
  f("effective_mtu_bytes", row.effective_mtu_bytes, uint16_t{0});
}

void fields(auto& f, FieldsOf<NeighbourRow> auto& row) {
  f("spec", row.spec);
  f("is_static", row.is_static);
}

void fields(auto& f, FieldsOf<PathMtuRow> auto& row) {
  f("destination", row.destination);
  f("mtu_bytes", row.mtu_bytes);
  f("expires_s", row.expires_s);
}

void fields(auto& f, FieldsOf<AlgorithmListRow> auto& row) {
  f("name", row.name);
  f("protocol", row.protocol);
  f("encryption_key_bits", row.encryption_key_bits);
  f("authentication_key_bits", row.authentication_key_bits);
  f("icv_bits", row.icv_bits);
  f("requirement", row.requirement);
  f("cycles_per_kilobyte", row.cycles_per_kilobyte);
}

template <class Row>
nlohmann::json write_row(const Row& row) {
  FieldWriter writer;
  fields(writer, row);
  return std::move(writer.object);
}

template <class Row>
Expected<Row> read_row(const nlohmann::json& json) {
  Row row;
  FieldReader reader(json, {}, UnknownFields::kIgnored);
  fields(reader, row);
  if (const auto read = reader.finish(); !read) {
    return failure("the daemon's reply", read.error().text(),
                   "the daemon and this command may be of different versions");
  }
  return row;
}

}  // namespace

nlohmann::json to_row_json(const SaRow& row) {
  return write_row(row);
}

nlohmann::json to_row_json(const GroupRow& row) {
  return write_row(row);
}

nlohmann::json to_row_json(const ErouteRow& row) {
  return write_row(row);
}

nlohmann::json to_row_json(const InterfaceRow& row) {
  return write_row(row);
}

nlohmann::json to_row_json(const AddressSpec& row) {
  return write_row(row);
}

nlohmann::json to_row_json(const RouteSpec& row) {
  return write_row(row);
}

nlohmann::json to_row_json(const NeighbourRow& row) {
  return write_row(row);
}

nlohmann::json to_row_json(const PathMtuRow& row) {
  return write_row(row);
}

nlohmann::json to_row_json(const AlgorithmListRow& row) {
  return write_row(row);
}

Expected<SaRow> parse_sa_row(const nlohmann::json& row) {
  return read_row<SaRow>(row);
}

Expected<GroupRow> parse_group_row(const nlohmann::json& row) {
  return read_row<GroupRow>(row);
}

Expected<ErouteRow> parse_eroute_row(const nlohmann::json& row) {
  return read_row<ErouteRow>(row);
}

Expected<InterfaceRow> parse_interface_row(const nlohmann::json& row) {
  return read_row<InterfaceRow>(row);
}

Expected<AddressSpec> parse_address_row(const nlohmann::json& row) {
  return read_row<AddressSpec>(row);
}

Expected<RouteSpec> parse_route_row(const nlohmann::json& row) {
  return read_row<RouteSpec>(row);
}

Expected<NeighbourRow> parse_neighbour_row(const nlohmann::json& row) {
  return read_row<NeighbourRow>(row);
}

Expected<PathMtuRow> parse_path_mtu_row(const nlohmann::json& row) {
  return read_row<PathMtuRow>(row);
}

Expected<AlgorithmListRow> parse_algorithm_row(const nlohmann::json& row) {
  return read_row<AlgorithmListRow>(row);
}

}  // namespace spigrp
