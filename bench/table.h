// Table: rows of words under headings, for the terminal. The first columns are words, left-aligned; the others figures.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace spigrp::bench {

class Table {
 public:
  // The last `figures` columns are aligned to the right.
  Table(std::vector<std::string> headings, size_t figures) : rows_{std::move(headings)}, figures_(figures) {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void add_line() { rows_.emplace_back(); }  // an empty one
  void print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
  size_t figures_;
};

std::string figure(double value, int decimals);  // "1234", "1.23"

}  // namespace spigrp::bench
