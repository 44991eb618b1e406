// Algorithms as a table.
#include "cli/algorithm_printer.h"

#include "cli/table.h"

namespace spigrp {

std::string algorithms_text(std::span<const AlgorithmListRow> rows) {
  Table table({{"algorithm", Lean::kLeft}, {"protocol", Lean::kLeft}, {"enckey bits"}, {"authkey bits"}, {"icv bits"}});
  const auto bits = [](uint16_t count) { return count == 0 ? std::string("-") : std::to_string(count); };
  for (const AlgorithmListRow& row : rows) {
    table.add(
        {row.name, row.protocol, bits(row.encryption_key_bits), bits(row.authentication_key_bits), bits(row.icv_bits)});
  }
  return table.text();
}

}  // namespace spigrp
