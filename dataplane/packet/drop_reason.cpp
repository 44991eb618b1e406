// See drop_reason.h.
#include "packet/drop_reason.h"

namespace spigrp {
namespace {

struct Words {
  std::string_view name;
  std::string_view meaning;
};

constexpr Words kWords[] = {
#define SPIGRP_X(name, meaning) {#name, meaning},
    SPIGRP_DROP_REASONS(SPIGRP_X)
#undef SPIGRP_X
};

}  // namespace

std::string_view drop_reason_name(DropReason reason) noexcept {
  return kWords[static_cast<size_t>(reason)].name;
}

std::string_view drop_reason_meaning(DropReason reason) noexcept {
  return kWords[static_cast<size_t>(reason)].meaning;
}

}  // namespace spigrp
