// StateReader: the whole state as command lines, a page at a time, as it is at one moment however long the reading
// takes and whatever is edited meanwhile. As long as it lives, nothing that was replaced is freed; so it is cut off
// when nobody reads on.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands/edit_words.h"
#include "engine/engine.h"

namespace spigrp {

class StateReader {
 public:
  using Clock = std::chrono::steady_clock;

  struct Page {
    std::vector<std::string> lines;
    std::optional<uint64_t> next;  // cursor; nothing: that was the last
  };

  // `configured`: addresses that the configuration gives, which need no line. Error: too many read already.
  static Expected<std::shared_ptr<StateReader>> begin(Engine& engine, const std::vector<AddressSpec>& configured);

  // At most `limit` lines. Error: it has been cut off.
  Expected<Page> read(uint64_t cursor, uint32_t limit, KeyWords keys);
  // Cuts it off if nobody has read for so long.
  void expire(Clock::time_point now) noexcept;

 private:
  StateReader(Engine& engine, Versions::Pin pin);
  void add_slot(std::vector<std::string>& lines, unsigned part, Slot slot, KeyWords keys) const;
  uint32_t slots_of(unsigned part) const noexcept;

  Engine& engine_;
  std::optional<Versions::Pin> pin_;
  std::vector<std::string> network_;  // the part that is not versioned
  Clock::time_point last_read_ = Clock::now();
};

}  // namespace spigrp
