// FreedMemory looks at heap memory as it is given back: whether it still holds a text that should have been wiped.
#pragma once

#include <string>

namespace spigrp {

// One at a time; it must outlive nothing that holds the text itself.
class FreedMemory {
 public:
  explicit FreedMemory(std::string text);
  FreedMemory(const FreedMemory&) = delete;
  FreedMemory& operator=(const FreedMemory&) = delete;
  ~FreedMemory();

  bool held_it() const noexcept;

 private:
  std::string text_;
};

}  // namespace spigrp
