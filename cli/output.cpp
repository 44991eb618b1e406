// Writing to standard output, and the form of errors on standard error.
#include "cli/output.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <unistd.h>

namespace spigrp {
namespace {

constexpr size_t kGatherBytes = size_t{64} * 1024;

// Calls `take` with each line of a text, without its newline; an empty line at the end is none.
template <class Take>
void each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    take(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

}  // namespace

Output::Output(int descriptor, std::string prefix) : descriptor_(descriptor), prefix_(std::move(prefix)) {}

void Output::line(std::string_view text) {
  if (broken()) return;
  gathered_ += prefix_;
  gathered_ += printable(text);
  gathered_ += '\n';
  if (gathered_.size() >= kGatherBytes) flush();
}

void Output::lines(std::string_view text) {
  each_line(text, [this](std::string_view one) { line(one); });
}

void Output::raw(std::string_view text) {
  if (broken()) return;
  gathered_ += text;
  if (gathered_.size() >= kGatherBytes) flush();
}

void Output::flush() {
  std::string_view left = gathered_;
  while (!left.empty() && !broken()) {
    const ssize_t written = ::write(descriptor_, left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  gathered_.clear();
}

Outcome<void> Output::finish() {
  flush();
  if (error_ == 0 || error_ == EPIPE) return {};
  return refusal(ExitStatus::kRefused,
                 {"standard output", std::string("cannot be written: ") + std::strerror(error_), {}});
}

std::string printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  shown.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    auto byte = static_cast<unsigned char>(text[at]);
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : uint8_t{0};
    const bool is_second_set = byte == 0xc2 && next >= 0x80 && next < 0xa0;
    if (byte >= 0x20 && byte != 0x7f && !is_second_set) {
      shown += text[at];
      continue;
    }
    if (is_second_set) {
      byte = next;
      ++at;
    }
    shown.append("\\x").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  return shown;
}

std::string error_prefix(std::string_view command, std::string_view label) {
  std::string prefix(command);
  if (!label.empty()) prefix.append(" --label ").append(label);
  return prefix + ": ";
}

std::string error_text(std::string_view prefix, const Refusal& refusal, std::string_view batch_name) {
  std::string place;
  if (refusal.line != 0) place.append(batch_name).append(":").append(std::to_string(refusal.line)).append(": ");
  std::string text;
  each_line(place + refusal.error.text(),
            [&](std::string_view line) { text.append(prefix).append(printable(line)).append("\n"); });
  return text;
}

std::string warnings_text(std::string_view prefix, const nlohmann::json& answer) {
  std::string text;
  const auto warnings = answer.find("warnings");
  if (!answer.is_object() || warnings == answer.end() || !warnings->is_array()) return text;
  for (const nlohmann::json& warning : *warnings) {
    if (!warning.is_string()) continue;
    text.append(prefix).append("warning: ").append(printable(warning.get_ref<const std::string&>())).append("\n");
  }
  return text;
}

}  // namespace spigrp
