// Output is standard output as the commands write it: line by line, each behind the label, gathered into large writes.
// A reader that goes away (`spi | head`) is no error: what follows is thrown away and broken() says so.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/outcome.h"

namespace spigrp {

class Output {
 public:
  // `prefix` stands before every line(): "spigrp --label day: ", or nothing. The descriptor is not closed.
  Output(int descriptor, std::string prefix);

  void line(std::string_view text);   // made printable
  void lines(std::string_view text);  // split at its newlines
  void raw(std::string_view text);    // as it is: JSON in ASCII, which a label would spoil

  void flush();
  void discard() { gathered_.clear(); }
  // Nothing more can be written, so there is no use in asking the daemon for more.
  bool broken() const noexcept { return error_ != 0; }
  // Writes what is gathered. Error: it could not be written, for another reason than that the reader has gone.
  Outcome<void> finish();

 private:
  int descriptor_;
  std::string prefix_;
  std::string gathered_;
  int error_ = 0;  // errno of the first write that failed
};

// The text with its control characters as \xNN: what a daemon says is not to move the cursor of a terminal. UTF-8
// stays, but for the control characters that it has a second time, at U+0080 … U+009F.
std::string printable(std::string_view text);

// "COMMAND: " or "COMMAND --label LABEL: ".
std::string error_prefix(std::string_view command, std::string_view label);
// One refusal as it stands on standard error, a newline at its end: prefix, "FILE:LINE: " of a batch, OBJECT: PROBLEM;
// REMEDY.
std::string error_text(std::string_view prefix, const Refusal& refusal, std::string_view batch_name = {});
// What the daemon did, as its answer says, but thinks that it should not have been asked for: a line each, or nothing.
std::string warnings_text(std::string_view prefix, const nlohmann::json& answer);

}  // namespace spigrp
