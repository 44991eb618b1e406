// Conversation: what the service keeps for one client between its requests: the transaction that it is putting
// together, and the moment that its `save` shows. It ends with the connection.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "config/options.h"
#include "config/request.h"
#include "control/state_reader.h"

namespace spigrp {

// Edits that wait for their commit. They count against a bound that all conversations share.
class OpenTransaction {
 public:
  explicit OpenTransaction(size_t& pending) : pending_(pending) {}
  OpenTransaction(const OpenTransaction&) = delete;
  OpenTransaction& operator=(const OpenTransaction&) = delete;
  ~OpenTransaction() { pending_ -= edits_.size(); }

  // False: there are as many as there may be.
  bool add(NumberedEdit edit) {
    if (pending_ == kMaxPendingEdits) return false;
    ++pending_;
    edits_.push_back(std::move(edit));
    return true;
  }
  const Edits& edits() const noexcept { return edits_; }

 private:
  size_t& pending_;
  Edits edits_;
};

struct Conversation {
  Access access = Access::kEdit;
  std::unique_ptr<OpenTransaction> transaction;
  std::shared_ptr<StateReader> save;
};

}  // namespace spigrp
