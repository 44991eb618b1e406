// See words.h.
#include "commands/words.h"

#include <algorithm>
#include <array>

namespace spigrp {
namespace {

constexpr std::array<Option, 4> kCommonOptions = {{
    {"--label", "TEXT", Takes::kValue},
    {"--debug", "", Takes::kNothing},
    {"--json", "", Takes::kNothing},
    {"--socket", "PATH", Takes::kValue},
}};
constexpr std::array<std::string_view, 3> kSeenToBefore = {"--optionsfrom", "--help", "--version"};

constexpr size_t kLongestLabel = 256;  // bytes

const Option* find_option(std::span<const Option> options, std::string_view name) {
  const auto found = std::find_if(options.begin(), options.end(), [&](const Option& o) { return o.name == name; });
  return found == options.end() ? nullptr : &*found;
}

bool takes_value(const Option& option) {
  return option.takes == Takes::kValue || option.takes == Takes::kValues || option.takes == Takes::kSecret;
}

// What begins like an option is no value: `--src --dst X` lacks one. Such a value can be given as --option=value.
bool can_be_value(std::string_view word) {
  return !word.starts_with("--");
}

std::string without_separators(std::string_view name) {
  std::string bare;
  for (const char c : name) {
    if (c != '-' && c != '_') bare += c;
  }
  return bare;
}

bool holds_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

std::span<const Option> common_options() noexcept {
  return kCommonOptions;
}

Expected<Words> Words::read(const Grammar& grammar, std::span<const std::string_view> words) {
  Words taken(grammar);
  if (const auto done = taken.take(words); !done) return tl::unexpected(done.error());
  if (const auto done = taken.take_common(); !done) return tl::unexpected(done.error());
  return taken;
}

Expected<void> Words::take(std::span<const std::string_view> words) {
  bool options_are_over = false;
  given_.reserve(words.size());
  for (size_t at = 0; at < words.size(); ++at) {
    const std::string_view word = words[at];
    Expected<void> taken;
    if (!options_are_over && word == "--") {
      options_are_over = true;
    } else if (!options_are_over && word.size() > 1 && word[0] == '-') {
      taken = take_option(words, at);
    } else {
      taken = take_operand(word);
    }
    if (!taken) return taken;
  }
  return {};
}

// words[at] begins with a dash; `at` moves on where the next word is its value.
Expected<void> Words::take_option(std::span<const std::string_view> words, size_t& at) {
  const std::string_view word = words[at];
  const size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const Option* option = find_option(grammar_.options, name);
  if (option == nullptr) option = find_option(kCommonOptions, name);
  if (option == nullptr) return unknown_option(name);
  last_ = option;
  std::optional<std::string_view> value;
  if (equals != std::string_view::npos) value = word.substr(equals + 1);

  if (option->takes == Takes::kNotYet) {
    return failure(std::string(name), std::string(option->value) + " are not in this version", "leave it out");
  }
  if (option->takes == Takes::kOperands) {
    if (auto given = give(*option, {}); !given || !value) return given;
    return take_operand(*value);
  }
  if (option->takes == Takes::kNothing) {
    if (value) return failure(std::string(name), "takes no value", "write " + std::string(name) + " alone");
    return give(*option, {});
  }
  if (!value && at + 1 < words.size() && can_be_value(words[at + 1])) value = words[++at];
  if (value ? value->empty() : takes_value(*option)) {
    return failure(std::string(name), "has no value", "write " + std::string(name) + " " + std::string(option->value));
  }
  return give(*option, value.value_or(std::string_view()));
}

Expected<void> Words::take_operand(std::string_view word) {
  if (grammar_.operands == Operands::kAny) {
    operands_.push_back(word);
    return {};
  }
  if (last_ != nullptr && last_->takes == Takes::kSecret) {
    return failure(std::string(last_->name), "is followed by a word too many", "a key is one word, without blanks");
  }
  return failure(as_typed(word), "is left over: no option takes it", where_explained());
}

Expected<void> Words::give(const Option& option, std::string_view value) {
  const bool common = &option >= kCommonOptions.data() && &option < kCommonOptions.data() + kCommonOptions.size();
  auto& given = common ? common_given_ : given_;
  const bool again = std::any_of(given.begin(), given.end(), [&](const Given& one) { return one.option == &option; });
  if (again && (takes_value(option) || option.takes == Takes::kMaybeValue) && option.takes != Takes::kValues) {
    return failure(std::string(option.name), "is given twice", "give it once");
  }
  if (!again || option.takes == Takes::kValues) given.push_back({&option, value});
  return {};
}

Expected<void> Words::take_common() {
  for (const auto& [option, value] : common_given_) {
    if (option->name == "--label") {
      if (holds_control_characters(value) || value.size() > kLongestLabel) {
        return failure("--label", "is longer than 256 bytes or holds control characters", "give a short text");
      }
      common_.label = value;
    } else if (option->name == "--socket") {
      common_.socket = std::string(value);
    } else if (option->name == "--debug") {
      common_.debug = true;
    } else {
      common_.json = true;
    }
  }
  return {};
}

const Words::Given* Words::find(std::string_view option) const noexcept {
  const auto found =
      std::find_if(given_.begin(), given_.end(), [&](const Given& one) { return one.option->name == option; });
  return found == given_.end() ? nullptr : &*found;
}

std::optional<std::string_view> Words::value(std::string_view option) const {
  const Given* given = find(option);
  return given == nullptr ? std::nullopt : std::optional(given->value);
}

std::vector<std::string_view> Words::values(std::string_view option) const {
  std::vector<std::string_view> all;
  for (const Given& one : given_) {
    if (one.option->name == option) all.push_back(one.value);
  }
  return all;
}

Expected<std::string_view> Words::required(std::string_view option) const {
  if (const Given* given = find(option); given != nullptr) return given->value;
  const Option* row = find_option(grammar_.options, option);
  return failure(std::string(option), "is missing",
                 "add " + std::string(option) + (row == nullptr ? "" : " " + std::string(row->value)));
}

Expected<std::string_view> Words::mode(std::initializer_list<std::string_view> modes) const {
  std::string_view found;
  for (const Given& one : given_) {
    if (std::find(modes.begin(), modes.end(), one.option->name) == modes.end()) continue;
    if (!found.empty()) {
      return failure(std::string(found) + " and " + std::string(one.option->name), "do not go together",
                     "give one of them");
    }
    found = one.option->name;
  }
  if (!found.empty() || given_.empty()) return found;
  std::string all;
  for (const std::string_view mode : modes) all += (all.empty() ? "" : ", ") + std::string(mode);
  return failure(std::string(given_.front().option->name), "does not say what to do", "add one of " + all);
}

Expected<void> Words::fit(std::string_view mode, std::initializer_list<std::string_view> others) const {
  for (const Given& one : given_) {
    const std::string_view name = one.option->name;
    if (name == mode || std::find(others.begin(), others.end(), name) != others.end()) continue;
    return failure(std::string(name), "does not go with " + std::string(mode), where_explained());
  }
  return {};
}

tl::unexpected<Error> Words::unknown_option(std::string_view word) const {
  std::string remedy = where_explained();
  const std::string bare = without_separators(word);
  const auto suggest = [&](std::string_view name) {
    if (!bare.empty() && without_separators(name).starts_with(bare)) remedy = "is it " + std::string(name) + "?";
  };
  for (const Option& option : kCommonOptions) suggest(option.name);
  for (const std::string_view name : kSeenToBefore) suggest(name);
  for (const Option& option : grammar_.options) suggest(option.name);
  return failure(as_typed(word), "no such option", remedy);
}

std::string Words::where_explained() const {
  return std::string(grammar_.command) + " --help shows what there is";
}

}  // namespace spigrp
