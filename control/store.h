// Store: the gateway's state beyond the life of the process, in an SQLite file of the configuration's state directory.
// It holds each object as the command line that makes it, and for each SA the numbers that its sequence goes on with:
//
//   sa         SAID, line, made_at (Unix time), sent and received: numbers up to them may have been used; lost;
//              of an SA with a lifetime used_packets, used_bytes, first_used_at (Unix time, 0: never), allocations
//   sa_group   SAID of the first SA, line
//   eroute     what deletes it, line, pointed_by (number of the edit)
//   dissolved  SAID, edit: its eroutes of a lower number lead to a group that is no more
//   spent_key  fingerprint of the keys of an SA that is no more, number up to which they may have been used; in the
//              order in which they were spent last
//   network    interfaces, their ports, addresses, routes, static neighbours: kind, name, line; addresses by the order
//              in which they came
//   state      one row: how many transactions there were, and how many processes were lost: ended without writing which
//              numbers they used
//
// What is reserved of sequence numbers in the middle of a transaction, and what is received then, stands beside it
// (numbers_aside.h).
//
// Each process that was lost since an SA's row was written may have sent kReserveAhead numbers more.
//
// A transaction is in the file before it is published. Control thread only.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/options.h"
#include "config/request.h"
#include "control/database.h"
#include "control/numbers_aside.h"
#include "route/route_edit.h"
#include "sa/sa_edit.h"
#include "state/pace.h"

namespace spigrp {

// So many sequence numbers an SA may use before the next is written down: a ten-thousandth of what there is without
// extended sequence numbers is lost with each crash.
inline constexpr uint64_t kReserveAhead = 1u << 20;

// What may have been used of an SA's numbers.
struct UsedNumbers {
  SaId id;
  uint64_t sent, received;
};

// What of an SA's lifetime.
struct UsedLifetime {
  SaId id;
  LifetimeUse use;
};

class Store {
 public:
  // Makes the directory (0700) and the file (0600) where they are missing. `configured`: addresses that the
  // configuration gives the ports, which are not the store's. Errors name the directory or the file: it is another
  // daemon's, of a later version, no database.
  static Expected<std::unique_ptr<Store>> open(const StateOptions& options, std::vector<AddressSpec> configured);

  bool has_state() const noexcept { return has_state_; }  // a transaction has been stored

  // Gives each edit that makes the state again, in an order in which they can be applied; SAs with what was noted aside
  // of their received numbers. Returns the highest number of an edit that is stored. Errors: a row cannot be read; what
  // `take` says, with its row.
  Expected<uint64_t> each_edit(const std::function<Expected<void>(const Edit&)>& take);

  // Those whose numbers were reserved aside are among them.
  Expected<void> each_spent_key(const std::function<void(const SpentKey&)>& take);

  // This process may send, with each SA that is stored, kReserveAhead numbers more than those it begins with.
  Expected<void> begin_process();
  // Of use, and of keys that were given up.
  struct Notes {
    std::span<const UsedNumbers> numbers = {};
    std::span<const UsedLifetime> lifetimes = {};
    std::span<const SpentKey> spent = {};
  };
  Expected<void> note(const Notes& notes);
  // For numbers that are reserved or received while a transaction is being written.
  NumbersAside& aside() noexcept { return aside_; }
  // No SA has used other numbers than `used` and those that it began with.
  Expected<void> end_process(std::span<const UsedNumbers> used, std::span<const UsedLifetime> lifetimes);

  // Writes what one transaction changes.
  class Writer : public SaChangeListener, public RouteChangeListener {
   public:
    // `before`: the tables as they are until it is published; null: nothing of it takes the place of anything.
    explicit Writer(Store& store, const SaTables* before = nullptr);
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() override;  // throws away what was not committed

    // Nothing of it is stored where this fails. New SAs get the limit of their numbers by it. Others have turns while
    // much is put on the disk; none of them may use the store, except aside().
    Expected<void> commit(Pace& pace);

    void sa(const SaId& id, Sa* now) override;
    void spent_key(const SpentKey& key) override;
    void dissolved(const SaId& id, uint64_t edit_number) override;
    void group(const SaId& first, const SaGroup* now) override;
    void eroute(const Selector& selector, const Eroute* now) override;
    void interfaces(const std::vector<InterfaceRow>& all) override;
    void addresses(const std::vector<AddressSpec>& all) override;
    void route(const IpPrefix& destination, const RouteSpec* now) override;
    void neighbour(const IpAddress& address, const std::string& device, const MacAddress* now) override;

   private:
    void take(const Expected<void>& done) {
      ++statements_run_;
      if (!done && !error_) error_ = done.error();
    }
    void keep_received_mark(Sa& now) const;
    void put_network(int kind, std::string_view name, const Edit& edit);
    void forget_network(int kind, std::string_view name);
    void clear_network(int kind);

    Store& store_;
    const SaTables* before_;
    std::optional<Error> error_;
    std::deque<std::pair<Sa*, uint64_t>> limits_;
    size_t statements_run_ = 0;
    bool committed_ = false;
  };

 private:
  struct Statements {
    Statement begin, commit, rollback, count;
    Statement put_sa, delete_sa, note_numbers, note_lifetime, set_lost;
    Statement put_spent_key, forget_spent_keys;
    Statement put_group, delete_group;
    Statement put_eroute, delete_eroute;
    Statement put_dissolved, delete_dissolved;
    Statement put_network, delete_network, clear_network;
  };

  Store(Database database, NumbersAside aside, std::vector<AddressSpec> configured)
      : database_(std::move(database)), aside_(std::move(aside)), configured_(std::move(configured)) {}

  Expected<void> set_up();
  Expected<void> prepare();
  Expected<void> prepare(Statement& statement, std::string_view text);
  // Runs the edits of a query whose first column is the line.
  using Complete = std::function<void(Edit&, const Statement&)>;
  Expected<void> each_row(std::string_view query, const Complete& complete,
                          const std::function<Expected<void>(const Edit&)>& take);
  Expected<uint64_t> highest_edit();
  Expected<void> put_spent_key(const SpentKey& key);
  Expected<void> write_numbers(std::span<const UsedNumbers> used, uint64_t lost);
  Expected<void> write_lifetimes(std::span<const UsedLifetime> lifetimes);

  Database database_;
  NumbersAside aside_;
  std::vector<AddressSpec> configured_;
  Statements statements_;
  bool has_state_ = false;
  uint64_t lost_ = 0;  // processes before this one
  uint64_t spent_keys_written_ = 0;
};

}  // namespace spigrp
