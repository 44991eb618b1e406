// Groups as text.
#include "cli/group_printer.h"

namespace spigrp {

std::string members_text(std::span<const SaId> members) {
  std::string text;
  for (const SaId& member : members) {
    if (!text.empty()) text += ' ';
    text += member.text();
  }
  return text;
}

std::string group_line(const GroupRow& row) {
  return members_text(row.members);
}

}  // namespace spigrp
