// Store::Writer: what a transaction changes, as rows. See store.h.
#include <algorithm>
#include <chrono>
#include <future>
#include <system_error>

#include "commands/edit_words.h"
#include "control/store.h"

namespace spigrp {
namespace {

// More take so long to reach the disk that others are served meanwhile.
constexpr size_t kManyStatements = 1000;
constexpr std::chrono::milliseconds kBetweenTurns{1};

// Numbers from here on are sorted as text, too.
constexpr size_t kFirstPlace = 1'000'000;

// The order of their making: what comes later may need what comes first.
enum NetworkKind : int { kInterface, kAttachment, kAddress, kRoute, kNeighbour };

// An SA's line without where its numbers are: those are columns.
std::string line_of(const Sa& sa) {
  SaAdd add{spec_of(sa)};
  add.spec.sent = add.spec.received = 0;
  return command_line(add, KeyWords::kShown);
}

// On a thread of its own, while others have turns.
Expected<void> run_aside(Statement& statement, Pace& pace) {
  std::future<Expected<void>> done;
  try {
    done = std::async(std::launch::async, [&statement] { return statement.run(); });
  } catch (const std::system_error&) {
    return statement.run();  // there can be no more threads
  }
  while (done.wait_for(kBetweenTurns) != std::future_status::ready) pace.turn();
  return done.get();
}

}  // namespace

Store::Writer::Writer(Store& store, const SaTables* before) : store_(store), before_(before) {
  take(store_.statements_.begin.run());
}

Store::Writer::~Writer() {
  if (!committed_) (void)store_.statements_.rollback.run();
}

Expected<void> Store::Writer::commit(Pace& pace) {
  if (!error_) take(store_.statements_.count.run());
  const bool is_large = statements_run_ >= kManyStatements && pace.has_turns();
  Statement& commit = store_.statements_.commit;
  if (!error_) take(is_large ? run_aside(commit, pace) : commit.run());
  if (error_) return tl::unexpected(*error_);
  committed_ = store_.has_state_ = true;
  for (const auto& [sa, limit] : limits_) {
    pace.step();
    sa->sequence.set_limit(limit);
    sa->marks.stored_now = true;
  }
  return {};
}

// Where an SA takes over the keys of another in its place, that goes on receiving until this is published. What is
// noted ahead of its numbers holds for the new row as for the old one: up to there they are not noted again.
void Store::Writer::keep_received_mark(Sa& now) const {
  const SaEntry* entry = before_ == nullptr ? nullptr : before_->newest(now.id);
  if (entry == nullptr || entry->sa == nullptr) return;
  const Sa& old = *entry->sa;
  if (old.saved_encryption_key != now.saved_encryption_key) return;
  if (old.saved_authentication_key != now.saved_authentication_key) return;
  now.marks.received_mark = std::max(now.marks.received_mark, old.marks.received_mark);
}

void Store::Writer::sa(const SaId& id, Sa* now) {
  if (error_) return;
  const std::string name = id.text();
  if (now == nullptr) return take(store_.statements_.delete_sa.bind(name).run());
  uint64_t sent = 0;
  if (is_numbered(id)) {
    keep_received_mark(*now);
    uint64_t& ahead = now->marks.reserve_ahead;  // more than usual, of an SA that takes over keys
    ahead = std::max(ahead, kReserveAhead);
    sent = number_after(now->sequence.sent(), ahead, now->sequence.last());
  }
  const std::string line = line_of(*now);
  take(store_.statements_.put_sa.bind(name)
           .bind(line)
           .bind(now->created_at_s)
           .bind(sent)
           .bind(now->marks.received_mark)
           .bind(store_.lost_ + 1)
           .run());
  if (is_numbered(id)) limits_.emplace_back(now, sent);
}

void Store::Writer::spent_key(const SpentKey& key) {
  if (error_ || key.number == 0) return;
  take(store_.put_spent_key(key));
}

void Store::Writer::dissolved(const SaId& id, uint64_t edit_number) {
  if (error_) return;
  const std::string name = id.text();
  if (edit_number == 0) return take(store_.statements_.delete_dissolved.bind(name).run());
  take(store_.statements_.put_dissolved.bind(name).bind(edit_number).run());
}

void Store::Writer::group(const SaId& first, const SaGroup* now) {
  if (error_) return;
  const std::string name = first.text();
  if (now == nullptr) return take(store_.statements_.delete_group.bind(name).run());
  const std::string line = command_line(GroupSet{ids_of(*now)}, KeyWords::kLeftOut);
  take(store_.statements_.put_group.bind(name).bind(line).run());
}

void Store::Writer::eroute(const Selector& selector, const Eroute* now) {
  if (error_) return;
  const std::string name = command_line(ErouteDelete{selector}, KeyWords::kLeftOut);
  if (now == nullptr) return take(store_.statements_.delete_eroute.bind(name).run());
  const std::string line = command_line(ErouteSet{selector, now->target}, KeyWords::kLeftOut);
  const std::string target = text(now->target);
  take(store_.statements_.put_eroute.bind(name).bind(line).bind(target).bind(now->pointed_by).run());
}

void Store::Writer::put_network(int kind, std::string_view name, const Edit& edit) {
  if (error_) return;
  const std::string line = command_line(edit, KeyWords::kLeftOut);
  take(store_.statements_.put_network.bind(static_cast<uint64_t>(kind)).bind(name).bind(line).run());
}

void Store::Writer::forget_network(int kind, std::string_view name) {
  if (error_) return;
  take(store_.statements_.delete_network.bind(static_cast<uint64_t>(kind)).bind(name).run());
}

void Store::Writer::clear_network(int kind) {
  if (error_) return;
  take(store_.statements_.clear_network.bind(static_cast<uint64_t>(kind)).run());
}

void Store::Writer::interfaces(const std::vector<InterfaceRow>& all) {
  clear_network(kInterface);
  clear_network(kAttachment);
  for (const InterfaceRow& row : all) {
    put_network(kInterface, row.name, InterfaceCreate{row.name});
    if (!row.port.empty()) put_network(kAttachment, row.name, InterfaceAttach{row.name, row.port});
  }
}

// Rows are read in the order of their names.
void Store::Writer::addresses(const std::vector<AddressSpec>& all) {
  clear_network(kAddress);
  size_t place = kFirstPlace;
  for (const AddressSpec& spec : all) {
    if (std::find(store_.configured_.begin(), store_.configured_.end(), spec) != store_.configured_.end()) continue;
    put_network(kAddress, std::to_string(place++) + ' ' + spec.address.text() + ' ' + spec.device, AddressAdd{spec});
  }
}

void Store::Writer::route(const IpPrefix& destination, const RouteSpec* now) {
  if (now == nullptr) return forget_network(kRoute, destination.text());
  put_network(kRoute, destination.text(), RouteAdd{*now});
}

void Store::Writer::neighbour(const IpAddress& address, const std::string& device, const MacAddress* now) {
  const std::string name = address.text() + ' ' + device;
  if (now == nullptr) return forget_network(kNeighbour, name);
  put_network(kNeighbour, name, NeighbourSet{{address, device, *now}});
}

}  // namespace spigrp
