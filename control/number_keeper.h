// NumberKeeper: sees to it that a sequence number is used once even if the process ends at any moment (invariant 1).
// Numbers to send are written into the store before they may be used, far ahead, so that workers do not notice. Of
// received numbers the store learns within seconds, and assumes as many more as came since it last did: a replay window
// that begins again begins behind them. In the same way, and for the same seconds, it learns what is used of lifetimes;
// once an SA rests, exactly. In the middle of a transaction, which has the store to itself, numbers to send are
// reserved aside (control/numbers_aside.h), so that no SA stops for want of them, and received ones are noted there, so
// that none is accepted again. Control thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "control/store.h"
#include "engine/engine.h"

namespace spigrp {

class NumberKeeper {
 public:
  NumberKeeper(Engine& engine, Store& store) : engine_(engine), store_(store) {}

  // Of all SAs, which have just been read from the store. Error: the store does not take it.
  Expected<void> begin();
  // A few hundred times a second, between transactions: serves who comes near its limit at once, and looks at some of
  // the others.
  void poll(uint64_t now_s);
  // As often, in the middle of a transaction: looks at the SAs that were in use before it, and at some of the others.
  void poll_aside(uint64_t now_s);
  // Writes the numbers that were really used, and what of lifetimes; the workers have ended.
  Expected<void> finish();

 private:
  struct Reserved {
    Sa* sa;
    SaId id;
    SpentKey key;
  };
  struct Received {
    Sa* sa;
    KeyedSa key;
    uint64_t seen, mark;
  };
  // SAs whose numbers go up so fast that what is written down ahead of them would not last for long.
  struct InUse {
    std::vector<uint64_t> numbers;        // by slot, at the last look
    std::vector<SaId> found, last_round;  // in this round so far, and in the one before

    void note(Slot slot, const SaId& id, uint64_t number);
  };
  // Over all slots, some at a time.
  struct Round {
    uint32_t next_slot = 0;
    uint64_t began_s = 0;
  };

  void look_at(Sa& sa, uint64_t now_s);
  void look_at_lifetime(Sa& sa);
  void look_aside(Sa& sa, uint64_t now_s);
  void look_at_received_aside(Sa& sa);
  size_t to_be_noted() const noexcept { return notes_.size() + lifetime_notes_.size() + receiving_.size(); }
  template <class Look>
  void look_at_some(Round& round, uint64_t now_s, Look look);
  template <class Look>
  void go_round(uint64_t now_s, Look look);
  template <class Look>
  void look_at_those_in_use(const InUse& in_use, Look look);
  void write(uint64_t now_s);
  void write_aside(uint64_t now_s);
  Sa* find(const KeyedSa& key) const;
  Expected<void> take_in();
  void complain(const Error& error, uint64_t now_s);

  Engine& engine_;
  Store& store_;
  // Aside there is one of their own for received numbers: where many are to be noted it takes longer, and no SA that
  // sends shall wait for that.
  Round round_, received_round_;
  struct Note {
    Sa* sa;
    UsedNumbers numbers;
    uint64_t received_seen;
  };
  std::vector<Note> notes_;
  struct LifetimeNote {
    Lifetime* lifetime;
    UsedLifetime used;
  };
  std::vector<LifetimeNote> lifetime_notes_;
  std::vector<Reserved> reserving_;
  std::vector<Received> receiving_;
  // In the file beside the store, and not in the store yet; their SAs may be gone.
  std::vector<Reserved> aside_;
  ReceivedMarks received_aside_;
  bool stands_aside_ = false;  // that file has something
  InUse senders_, receivers_;
  uint64_t complained_s_ = 0;
};

}  // namespace spigrp
