// SaEdit: one transaction's edits of SAs, groups and eroutes. Each call checks the edit against the tables and against
// the edits before it, and remembers it; link() puts all of them into the tables under the next generation, so that one
// publish shows all of them or, if the SaEdit is thrown away instead, none. Whatever takes long goes by steps, between
// which others may look at what is published, but not at the newest versions of anything.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "config/sa_spec.h"
#include "config/selector.h"
#include "sa/sa_tables.h"
#include "state/pace.h"

namespace spigrp {

enum class ErouteMode : uint8_t { kAdd, kReplace };

// Is told what a transaction makes of the tables: who keeps a copy of them (control/store.h).
class SaChangeListener {
 public:
  virtual ~SaChangeListener() = default;
  virtual void sa(const SaId& id, Sa* now) = 0;  // a new object; null: deleted
  virtual void spent_key(const SpentKey& key) = 0;
  // The number of the edit that last took an SA out of its group or deleted it; 0: no longer of interest. Eroutes that
  // were pointed at it by an earlier edit lead to a group that is no more.
  virtual void dissolved(const SaId& id, uint64_t edit_number) = 0;
  virtual void group(const SaId& first, const SaGroup* now) = 0;         // null: no more
  virtual void eroute(const Selector& selector, const Eroute* now) = 0;  // null: deleted
};

// SAs that were made and have the keys of another that is there. Each of the two uses every number with these keys, and
// RFC 4106 section 2 and RFC 3686 section 3 want keys that nobody else has. But an operator of manual keys may have one
// for both directions.
struct SharedKeys {
  static constexpr size_t kMostNamed = 8;
  struct Pair {
    SaId made, other;
  };
  std::vector<Pair> named;  // the first
  uint64_t count = 0;       // of all
};

class SaEdit {
 public:
  // `pace` outlives it; null: nobody gets a turn
  SaEdit(SaTables& tables, Versions& versions, Pace* pace = nullptr);
  // Drops what was not linked. Of what was, and is published, the keys that are spent are noted now, by steps: for the
  // next SaEdit, which must not be there before.
  ~SaEdit();
  SaEdit(const SaEdit&) = delete;
  SaEdit& operator=(const SaEdit&) = delete;

  // There will be so many edits.
  void expect(size_t edits);

  // Where an SA had the same keys that is no more, the sequence goes on behind all numbers that it can have given out;
  // if none is left, the SA only receives. Errors: those of Sa::create; the SAID exists.
  Expected<void> add_sa(const SaSpec& spec);
  // Puts a new object in the place of an SA, in its group too. With other keys its sequence begins anew; with the same
  // it goes on as for add_sa(), and so does its replay window. Errors: no such SA; those of add_sa(); other addresses
  // than before, of a tun or comp SA; ah and esp in UDP as for group().
  Expected<void> replace_sa(const SaSpec& spec);
  // Deletes the SA, or all SAs of the group that it is in. Error: no such SA.
  Expected<void> delete_sa(const SaId& id);
  void clear_sas();

  // 2 … 8 SAs, inside → outside. Errors: an SA does not exist, is listed twice, is in a group; an eroute leads to an SA
  // in a later place; too many; ah behind the same IP header as esp in UDP.
  Expected<void> group(std::span<const SaId> members);
  // The group known by members[0] becomes this list (FreeS/WAN has no such thing). Errors: members[0] heads no group;
  // and as for group(), where members of the group itself may stay.
  Expected<void> replace_group(std::span<const SaId> members);
  // Dissolves the group that holds the SA in any place. Errors: no such SA; it is in no group.
  Expected<void> ungroup(const SaId& member);

  // Errors: validate(selector); kAdd of a selector that exists; the SA does not exist or is not the first of its group;
  // the table is full.
  Expected<void> set_eroute(const Selector& selector, const ErouteTarget& target, ErouteMode mode);
  // Leads to a group that is no more: it protects nothing, and its packets are dropped, until an SA of that id heads a
  // group or the eroute is replaced. The SA need not exist. Errors: it heads a group; as for set_eroute.
  Expected<void> set_dissolved_eroute(const Selector& selector, const SaId& target, ErouteMode mode);
  Expected<void> delete_eroute(const Selector& selector);
  void clear_eroutes();

  // For a packet that met a trap: puts a %hold in place for its flow, one that goes before nothing but the trap. It
  // ends with any edit of another eroute that its flow may have; an eroute may be added where it is. With the trap's
  // own selector it takes the trap's place. Error: the table is full.
  Expected<void> hold_for_trap(const Selector& flow, const Selector& trap);
  // Deletes such a hold, or gives the trap its place back. What it holds is dropped.
  void expire_hold(const Selector& flow);

  // What link() will change, SAs and eroutes in their order: millions of them are stored several times as fast so. What
  // traps made of packets is left out: it ends with the process.
  void tell(SaChangeListener& listener) const;

  // Puts all edits into the tables at versions.next(). After it the caller publishes at once; nothing can fail any
  // more. Where memory runs out the process ends: half of the edits, which workers go by, would be worse.
  // `before_the_end` is done when only little is left, but before the numbers of SAs that go end: from there on it must
  // not take long until they are published. It has no steps.
  void link(const std::function<void()>& before_the_end = {}) noexcept;
  // What link() has come by. An SA that was replaced and has kept its keys does not count.
  const SharedKeys& shared_keys() const noexcept;

 private:
  struct Staged;
  std::unique_ptr<Staged> staged_;
};

}  // namespace spigrp
