// Words are a command's words taken apart as getopt_long does: `--option value` and `--option=value` in any order, and
// operands. Which options there are, the command says in a table; what they mean is its own business. Nothing that may
// be a key is ever shown in an error.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command.h"

namespace spigrp {

enum class Takes : uint8_t {
  kNothing,
  kValue,
  kValues,      // the option may be given more than once
  kSecret,      // a key: words near it are not shown either
  kMaybeValue,  // `--watch`, `--watch 5`
  kOperands,    // a flag; `--said=X` is `--said X`, X an operand
  kNotYet       // FreeS/WAN has it, this version does not
};

struct Option {
  std::string_view name;   // "--src"
  std::string_view value;  // "ADDRESS", for errors; of kNotYet: what it is
  Takes takes = Takes::kNothing;
};

enum class Operands : uint8_t { kNone, kAny };

struct Grammar {
  std::string_view command;
  std::span<const Option> options;
  Operands operands = Operands::kNone;
};

class Words {
 public:
  // Errors: unknown option, one without its value or with one too many, one given twice, an operand where there is
  // none. The words must outlive this.
  static Expected<Words> read(const Grammar& grammar, std::span<const std::string_view> words);

  const CommonWords& common() const noexcept { return common_; }
  std::span<const std::string_view> operands() const noexcept { return operands_; }

  bool has(std::string_view option) const noexcept { return find(option) != nullptr; }
  std::optional<std::string_view> value(std::string_view option) const;
  std::vector<std::string_view> values(std::string_view option) const;
  // Error: it is missing.
  Expected<std::string_view> required(std::string_view option) const;

  // Which of these is given; empty where nothing is given at all. Errors: two of them; none, but other options.
  Expected<std::string_view> mode(std::initializer_list<std::string_view> modes) const;
  // Besides `mode` only these are given. The error names the first other one.
  Expected<void> fit(std::string_view mode, std::initializer_list<std::string_view> others) const;

 private:
  struct Given {
    const Option* option;
    std::string_view value;
  };

  explicit Words(const Grammar& grammar) : grammar_(grammar) {}
  Expected<void> take(std::span<const std::string_view> words);
  Expected<void> take_option(std::span<const std::string_view> words, size_t& at);
  Expected<void> take_operand(std::string_view word);
  Expected<void> take_common();
  Expected<void> give(const Option& option, std::string_view value);
  const Given* find(std::string_view option) const noexcept;
  tl::unexpected<Error> unknown_option(std::string_view word) const;
  std::string where_explained() const;

  Grammar grammar_;
  std::vector<Given> given_, common_given_;
  std::vector<std::string_view> operands_;
  const Option* last_ = nullptr;  // the option before the word that is being read
  CommonWords common_;
};

// The options that every command takes, besides --optionsfrom, --help and --version, which are seen to before.
std::span<const Option> common_options() noexcept;

}  // namespace spigrp
