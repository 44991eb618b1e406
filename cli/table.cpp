// Columns as wide as their widest word.
#include "cli/table.h"

#include <algorithm>
#include <utility>

namespace spigrp {

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add(std::vector<std::string> words) {
  words.resize(columns_.size());
  rows_.push_back(std::move(words));
}

std::string Table::text() const {
  std::vector<size_t> widths;
  for (size_t column = 0; column < columns_.size(); ++column) {
    size_t width = columns_[column].title.size();
    for (const auto& row : rows_) width = std::max(width, row[column].size());
    widths.push_back(width);
  }
  std::string text;
  const auto add_word = [&](size_t column, const std::string& word) {
    if (column != 0) text += "  ";
    const std::string padding(widths[column] - word.size(), ' ');
    text += columns_[column].lean == Lean::kLeft ? word + padding : padding + word;
  };
  const auto end_line = [&] { text.erase(text.find_last_not_of(' ') + 1).push_back('\n'); };
  for (size_t column = 0; column < columns_.size(); ++column) add_word(column, columns_[column].title);
  end_line();
  for (const auto& row : rows_) {
    for (size_t column = 0; column < columns_.size(); ++column) add_word(column, row[column]);
    end_line();
  }
  return text;
}

}  // namespace spigrp
