// NumberKeeper: sees to it that a sequence number is used once even if the process ends at any moment (invariant 1).
// Numbers to send are written into the store before they may be used, far ahead, so that workers do not notice. Of
// received numbers the store learns within seconds, and assumes as many more as came since it last did: a replay window
// that begins again begins behind them. In the same way, and for the same seconds, it learns what is used of lifetimes;
// once an SA rests, exactly. In the middle of a transaction, which has the store to itself, numbers to send are
// reserved aside (control/numbers_aside.h), so that no SA stops for want of them. Control thread only.
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
  // SAs that use numbers so fast that what is reserved would not last for long.
  struct InUse {
    std::vector<uint64_t> sent;           // by slot, at the last look
    std::vector<SaId> found, last_round;  // in this round so far, and in the one before
  };

  void look_at(Sa& sa, uint64_t now_s);
  void look_at_lifetime(Sa& sa);
  void look_aside(Sa& sa, uint64_t now_s);
  template <class Look>
  void go_round(uint64_t now_s, Look look);
  void note_use(Slot slot, const Sa& sa);
  void write(uint64_t now_s);
  void write_aside(uint64_t now_s);
  Expected<void> take_in();
  void complain(const Error& error, uint64_t now_s);

  Engine& engine_;
  Store& store_;
  uint32_t next_slot_ = 0;
  uint64_t round_began_s_ = 0;
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
  std::vector<Reserved> aside_;  // in the file beside the store, and not in the store yet; their SAs may be gone
  InUse in_use_;
  uint64_t complained_s_ = 0;
};

}  // namespace spigrp
