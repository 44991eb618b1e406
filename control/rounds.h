// Rounds: what the control thread does for ever: it runs what an io_context waits for, and polls in between. Whatever
// throws, as all does where memory runs out, is left undone and told; the next round comes all the same. So it needs no
// timer, which would have to be set anew each time.
#pragma once

#include <chrono>
#include <functional>

#include <boost/asio/io_context.hpp>

namespace spigrp {

class Rounds {
 public:
  // Polls are so far apart, or further where something in between takes longer.
  Rounds(boost::asio::io_context& io, std::chrono::milliseconds apart) : io_(io), apart_(apart) {}

  // Returns when nothing is left to wait for.
  void run(const std::function<void()>& poll);
  // Does a part of a round, or leaves it undone.
  void attempt(const std::function<void()>& part) noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  boost::asio::io_context& io_;
  const std::chrono::milliseconds apart_;
  Clock::time_point complained_{};
};

}  // namespace spigrp
