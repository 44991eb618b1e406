// See batch_sender.h.
#include "cli/batch_sender.h"

#include <algorithm>

#include "commands/edit_words.h"
#include "config/key.h"

namespace spigrp {
namespace {

// The daemon serves others between two messages.
constexpr size_t kChunkBytes = size_t{256} * 1024;

constexpr int kForClient = -32001, kInvalidParams = -32602;  // docs/control.md

// Whole lines of about that many bytes.
std::string_view chunk_of(std::string_view text) noexcept {
  if (text.size() <= kChunkBytes) return text;
  const size_t last = text.rfind('\n', kChunkBytes);
  if (last != std::string_view::npos) return text.substr(0, last + 1);
  const size_t end = text.find('\n');
  return end == std::string_view::npos ? text : text.substr(0, end + 1);
}

}  // namespace

Outcome<nlohmann::json> BatchSender::send(std::string_view text, std::string_view name,
                                          std::optional<uint64_t> if_generation) {
  if (const auto begun = client_.call(TransactionBegin{}); !begun) return tl::unexpected(begun.error());
  auto sent = send_lines(text);
  if (!sent && sent.error().code == kForClient) {
    const auto batch = parse_batch(text, name, world_);
    if (!batch) return refusal(ExitStatus::kWrongUsage, batch.error());
    if (const auto again = client_.call(TransactionAbort{}); !again) return tl::unexpected(again.error());
    if (const auto again = client_.call(TransactionBegin{}); !again) return tl::unexpected(again.error());
    sent = send_edits(*batch);
  }
  if (!sent) return tl::unexpected(sent.error());
  return client_.call(TransactionCommit{if_generation});
}

Outcome<void> BatchSender::send_lines(std::string_view text) {
  for (uint32_t line = 1; !text.empty();) {
    const std::string_view chunk = chunk_of(text);
    TransactionLines lines{{std::string(chunk)}, line};
    auto taken = client_.call(lines);
    wipe(lines.lines.text.data(), lines.lines.text.size());
    if (!taken) {
      if (taken.error().code == kInvalidParams) taken.error().status = ExitStatus::kWrongUsage;
      return tl::unexpected(taken.error());
    }
    line += static_cast<uint32_t>(std::count(chunk.begin(), chunk.end(), '\n'));
    text.remove_prefix(chunk.size());
  }
  return {};
}

// With the numbers that the lines have in the file.
Outcome<void> BatchSender::send_edits(const Batch& batch) {
  TransactionLines lines;
  uint32_t next = 1;  // number of the line that would be added next
  const auto flush = [&]() -> Outcome<void> {
    auto taken = client_.call(lines);
    wipe(lines.lines.text.data(), lines.lines.text.size());
    if (!taken) return tl::unexpected(taken.error());
    lines = {{}, next};
    return {};
  };
  for (const NumberedEdit& edit : batch.edits) {
    lines.lines.text.append(edit.line - next, '\n');
    std::string line = command_line(edit.edit, KeyWords::kShown);
    lines.lines.text += line + '\n';
    wipe(line.data(), line.size());
    next = edit.line + 1;
    if (lines.lines.text.size() < kChunkBytes) continue;
    if (auto sent = flush(); !sent) return sent;
  }
  return flush();
}

}  // namespace spigrp
