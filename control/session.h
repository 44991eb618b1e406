// Session: one client of the control socket. It reads a line, has it answered, sends the answer, and only then reads
// on: a client that does not read its answers is not listened to, and costs one answer of memory. Every wait has a
// limit, and so has a message. A client that asked for events is sent them between its answers; of those that it does
// not read it loses what goes beyond a bound, and is told how many (docs/control.md).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "config/options.h"
#include "control/service.h"

namespace spigrp {

class Session : public EventListener, public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;

  // `ended` is called once, when the client is gone or sent away.
  Session(Socket socket, Service& service, const SocketOptions& options, std::function<void()> ended);
  ~Session() override;

  void start();
  void close() noexcept;
  void subscribed() noexcept override { monitors_ = true; }
  void hear(const std::string& line) noexcept override;

 private:
  using Clock = std::chrono::steady_clock;

  void next();       // answers the next line that is there, or reads more
  void wait_turn();  // until a transaction has been made
  void forget(size_t bytes);
  void read();
  void received(size_t bytes);
  void send(std::string answer, bool and_close);
  void write();  // what waits: the answer first
  void begin_write(bool answer);
  void limit(std::chrono::seconds from_now);
  void lift_limit();
  void refuse(Error error);

  Socket socket_;
  boost::asio::steady_timer deadline_;
  Service& service_;
  const SocketOptions& options_;
  std::function<void()> ended_;
  std::string received_;  // what has arrived and is not answered yet
  size_t searched_ = 0;   // of it: holds no newline
  bool partial_ = false;  // the deadline is that of an unfinished message
  std::string on_its_way_;
  bool writing_ = false;
  bool waits_turn_ = false;  // what is received begins with an edit that waits for a transaction
  std::string answer_;       // waits, as do the events
  bool answering_ = false;   // there is an answer that has not been sent
  bool closes_after_answer_ = false;
  Conversation conversation_;
  bool monitors_ = false;  // has asked for events: it may be silent as long as it likes
  std::string events_;
  uint64_t events_lost_ = 0;
};

}  // namespace spigrp
