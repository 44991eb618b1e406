// See daemon.h.
#include "control/daemon.h"

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>

#include <rte_eal.h>

#include "control/log.h"
#include "control/server.h"
#include "control/startup_batch.h"
#include "control/telemetry.h"
#include "control/version.h"
#include "crypto/crypto_engine.h"

namespace spigrp {
namespace {

constexpr std::chrono::milliseconds kPollInterval{2};  // of what workers punt, and of old versions

// EAL while it is initialised.
class Eal {
 public:
  static Expected<Eal> start(const Options& options) {
    if (const auto started = initialise_eal(options.memory, options.workers); !started) {
      return tl::unexpected(started.error());
    }
    return Eal();
  }
  Eal(Eal&& other) noexcept : started_(std::exchange(other.started_, false)) {}
  Eal& operator=(Eal&&) = delete;
  ~Eal() {
    if (started_) rte_eal_cleanup();
  }

 private:
  Eal() = default;
  bool started_ = true;
};

// The control thread: it waits for clients, signals and its timer, and does everything in turn.
class ControlLoop {
 public:
  ControlLoop(Engine& engine, Service& service, SocketFile socket, const SocketOptions& options)
      : engine_(engine),
        server_(io_, std::move(socket), options, service),
        signals_(io_, SIGTERM, SIGINT),
        tick_(io_) {}

  Expected<void> run() {
    if (const auto started = server_.start(); !started) return started;
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (!error) end(signal);
    });
    poll();
    io_.run();  // returns when nothing is left to wait for
    return {};
  }

 private:
  void poll() {
    engine_.poll_control();
    tick_.expires_after(kPollInterval);
    tick_.async_wait([this](const boost::system::error_code& error) {
      if (!error && !ending_) poll();
    });
  }

  void end(int signal) {
    spdlog::info("ending: {}", signal == SIGTERM ? "SIGTERM" : "SIGINT");
    ending_ = true;
    server_.stop();
    tick_.cancel();
  }

  boost::asio::io_context io_{1};
  Engine& engine_;
  Server server_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer tick_;
  bool ending_ = false;
};

Expected<void> apply_startup_batch(Service& service, const Options& options, const Batch& batch) {
  const auto applied = service.edit(batch.edits);
  if (applied) return {};
  const RefusedEdit& refused = applied.error();
  return failure(options.startup_batch->string() + ':' + std::to_string(refused.line),
                 refused.error.object + ": " + refused.error.problem, refused.error.remedy);
}

Expected<void> serve(const Options& options, SocketFile socket, const std::optional<Batch>& batch) {
  auto engine = Engine::create(options);
  if (!engine) return tl::unexpected(engine.error());
  LogTopics topics(options.log_topics);
  Service service({**engine, topics});
  if (batch) {
    if (const auto applied = apply_startup_batch(service, options, *batch); !applied) return applied;
  }
  if (const auto started = (*engine)->start(); !started) return started;
  const Telemetry telemetry(**engine);
  spdlog::info("spigrpd {}: {} ports, {} workers, crypto by ipsec-mb {} ({}), control socket {}", kDaemonVersion,
               options.ports.size(), options.workers.count, crypto_library_version(), crypto_manager_name(),
               options.socket.path.string());
  ControlLoop loop(**engine, service, std::move(socket), options.socket);
  const auto ended = loop.run();
  (*engine)->stop();
  return ended;
}

}  // namespace

Expected<void> run_daemon(const Options& options) {
  open_log(options.log_level);
  std::signal(SIGPIPE, SIG_IGN);
  std::optional<Batch> batch;
  if (options.startup_batch) {
    auto read = read_startup_batch(*options.startup_batch);
    if (!read) return tl::unexpected(read.error());
    batch = std::move(*read);
  }
  auto socket = SocketFile::create(options.socket);
  if (!socket) return tl::unexpected(socket.error());
  const auto eal = Eal::start(options);
  if (!eal) return tl::unexpected(eal.error());
  // Keys are in this memory: no core dump, and nobody but root attaches (invariant 5).
  prctl(PR_SET_DUMPABLE, 0);
  const auto served = serve(options, std::move(*socket), batch);
  if (served) spdlog::info("ended");
  return served;
}

}  // namespace spigrp
