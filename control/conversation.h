// Conversation: what the service keeps for one client between its requests: the transaction that it is putting
// together, and the moment that its `save` shows. It ends with the connection.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "config/options.h"
#include "config/request.h"
#include "control/state_reader.h"

namespace spigrp {

// What all conversations share: how many edits wait for a commit, and those that are of no more use, which are many and
// so freed a few at a time (Service::poll).
struct PendingEdits {
  size_t count = 0;
  std::vector<Edits> done;
};

// Edits that wait for their commit. They count against a bound.
class OpenTransaction {
 public:
  explicit OpenTransaction(PendingEdits& pending) : pending_(pending) {}
  OpenTransaction(const OpenTransaction&) = delete;
  OpenTransaction& operator=(const OpenTransaction&) = delete;
  ~OpenTransaction() {
    pending_.count -= added_;
    if (edits_.size() < kManyEdits) return;
    try {
      pending_.done.push_back(std::move(edits_));
    } catch (const std::bad_alloc&) {  // then they are freed at once
    }
  }

  // False: there are as many as there may be.
  bool add(NumberedEdit edit) {
    if (pending_.count == kMaxPendingEdits) return false;
    ++pending_.count;
    ++added_;
    edits_.push_back(std::move(edit));
    return true;
  }
  Edits& edits() noexcept { return edits_; }

 private:
  static constexpr size_t kManyEdits = 1000;

  PendingEdits& pending_;
  size_t added_ = 0;
  Edits edits_;
};

struct Conversation {
  Access access = Access::kEdit;
  std::unique_ptr<OpenTransaction> transaction;
  std::shared_ptr<StateReader> save;
  std::optional<Generation> in_force;  // of the edits that the request which is being answered has made
};

}  // namespace spigrp
