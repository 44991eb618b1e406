// SAs as text. Names of fields are those of FreeS/WAN's ipsec_spi(5); the counters it did not have say what they count.
#include "cli/sa_printer.h"

#include <charconv>

namespace spigrp {
namespace {

// As KLIPS showed them: the current value, the soft limit, the hard limit.
std::string lifetimes(const SaRow& row) {
  const bool ends = row.lifetime != LifetimeSpec();
  const LifetimeLimits current{.allocations = row.allocations,
                               .bytes = ends ? row.lifetime_bytes : row.bytes,
                               .addtime = row.age_s,
                               .usetime = row.used_s < 0 ? 0 : static_cast<uint64_t>(row.used_s),
                               .packets = ends ? row.lifetime_packets : row.packets};
  std::string text;
  for (const LifetimeField& field : kLifetimeFields) {
    const uint64_t soft = row.lifetime.soft.*field.limit, hard = row.lifetime.hard.*field.limit;
    if (field.limit == &LifetimeLimits::allocations && soft == 0 && hard == 0) continue;
    text += std::string(field.name) + '(' + std::to_string(current.*field.limit) + ',' + std::to_string(soft) + ',' +
            std::to_string(hard) + ')';
  }
  return text;
}

std::string hexadecimal(uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value, 16).ptr;
  return "0x" + std::string(digits, end);
}

void add(std::string& line, const char* name, uint64_t value) {
  line.append(" ").append(name).append("=").append(std::to_string(value));
}

void add_unless_zero(std::string& line, const char* name, uint64_t value) {
  if (value != 0) add(line, name, value);
}

// Of a tunnel's choices those that are not the usual ones.
void add_choices(std::string& line, const OuterHeader& outer) {
  const OuterHeader usual;
  if (outer.dscp != usual.dscp) line.append(" dscp=").append(choice_word(outer.dscp));
  if (outer.ecn != usual.ecn) line.append(" ecn=").append(choice_word(outer.ecn));
  if (outer.df != usual.df) line.append(" df=").append(choice_word(outer.df));
  if (outer.ttl != usual.ttl) line.append(" ttl=").append(choice_word(outer.ttl));
  if (outer.fragment != usual.fragment) line.append(" fragment=").append(choice_word(outer.fragment));
}

// KLIPS printed the kind alone.
void add_udp_encapsulation(std::string& line, const SaRow& row) {
  if (!row.udp_encapsulation) return;
  line += " natencap=nonesp";
  add(line, "sport", row.udp_encapsulation->source_port);
  add(line, "dport", row.udp_encapsulation->destination_port);
  if (row.peer_port) add(line, "peer_port", *row.peer_port);
}

}  // namespace

std::string sa_line(const SaRow& row) {
  std::string line = row.id.text() + ' ' + row.algorithm + ": dir=" + row.direction + " src=" + row.source.text();
  if (row.id.protocol == SaProtocol::kEsp || row.id.protocol == SaProtocol::kAh) {
    add(line, "ooowin", row.replay_window);
    if (row.extended_sequence) line += " esn";
    add(line, "seq", row.sequence);
    line += " bit=" + hexadecimal(row.window_bits);
    add(line, "alen", row.icv_bits);
    add(line, "aklen", row.authentication_key_bits);
    add(line, "eklen", row.encryption_key_bits);
  }
  add_choices(line, row.outer);
  add_unless_zero(line, "auth_errs", row.authentication_failures);
  add_unless_zero(line, "replay_errs", row.replays);
  add_unless_zero(line, "ooo_errs", row.outside_window);
  add_unless_zero(line, "malformed_errs", row.malformed);
  add_unless_zero(line, "exhausted_errs", row.exhausted);
  add_unless_zero(line, "expired_errs", row.expired);
  line += " life(c,s,h)=" + lifetimes(row);
  if (!row.expiry.empty()) line += " expired=" + row.expiry;
  if (row.idle_s >= 0) add(line, "idle", static_cast<uint64_t>(row.idle_s));
  if (row.id.protocol == SaProtocol::kComp) {  // KLIPS: uncompressed to compressed
    add(line, "ratio", row.bytes);
    line += ':' + std::to_string(row.compressed_bytes);
  }
  add_udp_encapsulation(line, row);
  return line;
}

}  // namespace spigrp
