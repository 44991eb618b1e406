// See outer_header.h.
#include "config/outer_header.h"

#include "config/number.h"

namespace spigrp {

Expected<void> validate(const OuterHeader& outer) {
  if (outer.dscp.fixed > kMaxDscp) {
    return failure("dscp " + choice_word(outer.dscp), "is more than 6 bits", "use copy or 0 … 63");
  }
  if (outer.ttl.fixed == 0) return failure("ttl 0", "lets no packet leave", "use copy or 1 … 255");
  return {};
}

Expected<HeaderChoice> parse_header_choice(std::string_view word) {
  if (word == "copy") return HeaderChoice{};
  if (const auto number = parse_number(word, UINT8_MAX)) return HeaderChoice{static_cast<uint8_t>(*number)};
  return failure(as_typed(word), "is neither copy nor a number up to 255");
}

Expected<EcnChoice> parse_ecn_choice(std::string_view word) {
  if (word == "copy") return EcnChoice::kCopy;
  if (word == "off") return EcnChoice::kOff;
  return failure(as_typed(word), "is neither copy nor off");
}

Expected<DfChoice> parse_df_choice(std::string_view word) {
  if (word == "copy") return DfChoice::kCopy;
  if (word == "set") return DfChoice::kSet;
  if (word == "clear") return DfChoice::kClear;
  return failure(as_typed(word), "is none of copy, set and clear");
}

Expected<Fragmentation> parse_fragmentation(std::string_view word) {
  if (word == "after") return Fragmentation::kAfter;
  if (word == "before") return Fragmentation::kBefore;
  return failure(as_typed(word), "is neither before nor after");
}

std::string choice_word(const HeaderChoice& choice) {
  return choice.fixed ? std::to_string(*choice.fixed) : "copy";
}

std::string_view choice_word(EcnChoice choice) noexcept {
  return choice == EcnChoice::kCopy ? "copy" : "off";
}

std::string_view choice_word(DfChoice choice) noexcept {
  switch (choice) {
    case DfChoice::kSet:
      return "set";
    case DfChoice::kClear:
      return "clear";
    case DfChoice::kCopy:
      break;
  }
  return "copy";
}

std::string_view choice_word(Fragmentation choice) noexcept {
  return choice == Fragmentation::kAfter ? "after" : "before";
}

}  // namespace spigrp
