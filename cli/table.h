// Table lays words out in columns. The first column leans left, and so does each that holds text; numbers lean right.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spigrp {

enum class Lean : uint8_t { kLeft, kRight };

class Table {
 public:
  struct Column {
    std::string title;
    Lean lean = Lean::kRight;
  };

  explicit Table(std::vector<Column> columns);

  // As many words as there are columns.
  void add(std::vector<std::string> words);
  bool has_rows() const noexcept { return !rows_.empty(); }
  // The titles, then the rows, a line each, two spaces between columns and none at an end.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace spigrp
