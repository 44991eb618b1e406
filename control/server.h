// Server: the control socket's listener. It lets in as many clients as the options say, of those whom the socket is
// for, and tells the others why not.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "config/options.h"
#include "control/service.h"
#include "control/session.h"
#include "control/socket_file.h"

namespace spigrp {

class Server {
 public:
  // `options` and `service` outlive the io_context's run.
  Server(boost::asio::io_context& io, SocketFile file, const SocketOptions& options, Service& service);

  // Listens. Error: what the system says.
  Expected<void> start();
  // A few hundred times a second: goes on listening where something has kept it from that.
  void poll();
  // No new clients; those there are, are cut off.
  void stop() noexcept;

 private:
  using Protocol = boost::asio::local::stream_protocol;
  using Clock = std::chrono::steady_clock;

  void accept();
  void admit(Protocol::socket socket);

  SocketFile file_;
  const SocketOptions& options_;
  Service& service_;
  Protocol::acceptor acceptor_;
  bool accepting_ = false;
  Clock::time_point paused_until_{};
  std::list<std::weak_ptr<Session>> sessions_;
};

}  // namespace spigrp
