// Algorithms as a table.
#include "cli/algorithm_printer.h"

#include <array>
#include <cstdio>

#include "cli/table.h"

namespace spigrp {

namespace {

std::string per_byte(uint32_t cycles_per_kilobyte) {
  if (cycles_per_kilobyte == 0) return "-";
  std::array<char, 32> text;
  const int written = std::snprintf(text.data(), text.size(), "%.2f", cycles_per_kilobyte / 1024.0);
  return {text.data(), static_cast<size_t>(written)};
}

}  // namespace

std::string algorithms_text(std::span<const AlgorithmListRow> rows) {
  Table table({{"algorithm", Lean::kLeft},
               {"protocol", Lean::kLeft},
               {"enckey bits"},
               {"authkey bits"},
               {"icv bits"},
               {"RFC 8221", Lean::kLeft},
               {"cycles/byte"}});
  const auto bits = [](uint16_t count) { return count == 0 ? std::string("-") : std::to_string(count); };
  for (const AlgorithmListRow& row : rows) {
    table.add({row.name, row.protocol, bits(row.encryption_key_bits), bits(row.authentication_key_bits),
               bits(row.icv_bits), row.requirement, per_byte(row.cycles_per_kilobyte)});
  }
  return table.text();
}

}  // namespace spigrp
