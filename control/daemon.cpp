// See daemon.h.
#include "control/daemon.h"

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include <rte_eal.h>

#include "config/process.h"
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

// The signals that end the daemon, from its first moment on: one that comes while it starts ends it as soon as the step
// that it is at is done.
class EndingSignals {
 public:
  explicit EndingSignals(boost::asio::io_context& io) : io_(io), signals_(io, SIGTERM, SIGINT, SIGHUP) {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      spdlog::info("ending: signal {}", signal);
      came_ = true;
      if (on_end_) on_end_();
    });
  }

  // Before there is a loop.
  bool came() {
    io_.poll();
    return came_;
  }
  void then(std::function<void()> on_end) { on_end_ = std::move(on_end); }

 private:
  boost::asio::io_context& io_;
  boost::asio::signal_set signals_;
  std::function<void()> on_end_;
  bool came_ = false;
};

// The control thread: it waits for clients, signals and its timer, and does everything in turn.
class ControlLoop {
 public:
  ControlLoop(boost::asio::io_context& io, Engine& engine, Service& service, SocketFile socket,
              const SocketOptions& options)
      : io_(io), engine_(engine), service_(service), server_(io, std::move(socket), options, service), tick_(io) {}

  Expected<void> run(EndingSignals& signals) {
    if (const auto started = server_.start(); !started) return started;
    signals.then([this] { end(); });
    poll();
    io_.run();  // returns when nothing is left to wait for
    signals.then({});
    return {};
  }

 private:
  void poll() {
    engine_.poll_control();
    service_.publish_events();
    tick_.expires_after(kPollInterval);
    tick_.async_wait([this](const boost::system::error_code& error) {
      if (!error && !ending_) poll();
    });
  }

  void end() {
    ending_ = true;
    server_.stop();
    tick_.cancel();
  }

  boost::asio::io_context& io_;
  Engine& engine_;
  Service& service_;
  Server server_;
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

// Reads the batch only now: its keys shall never be in memory that can be dumped, nor stay there.
Expected<void> run_startup_batch(Service& service, const Options& options) {
  if (!options.startup_batch) return {};
  const auto batch = read_startup_batch(*options.startup_batch);
  if (!batch) return tl::unexpected(batch.error());
  return apply_startup_batch(service, options, *batch);
}

Expected<void> serve(boost::asio::io_context& io, EndingSignals& signals, const Options& options, SocketFile socket) {
  auto engine = Engine::create(options);
  if (!engine) return tl::unexpected(engine.error());
  if (signals.came()) return {};
  LogTopics topics(options.log_topics);
  Service service({**engine, topics});
  if (const auto applied = run_startup_batch(service, options); !applied) return applied;
  if (signals.came()) return {};
  if (const auto started = (*engine)->start(); !started) return started;
  const Telemetry telemetry(**engine);
  spdlog::info("spigrpd {}: {} ports, {} workers, crypto by ipsec-mb {} ({}), control socket {}", kDaemonVersion,
               options.ports.size(), options.workers.count, crypto_library_version(), crypto_manager_name(),
               options.socket.path.string());
  ControlLoop loop(io, **engine, service, std::move(socket), options.socket);
  const auto ended = signals.came() ? Expected<void>() : loop.run(signals);
  (*engine)->stop();
  return ended;
}

}  // namespace

Expected<void> run_daemon(const Options& options) {
  open_log(options.log_level);
  std::signal(SIGPIPE, SIG_IGN);
  boost::asio::io_context io{1};
  EndingSignals signals(io);
  auto socket = SocketFile::create(options.socket);
  if (!socket) return tl::unexpected(socket.error());
  const auto eal = Eal::start(options);  // as long as it looks at /proc/self, this must be open to the process's user
  if (!eal) return tl::unexpected(eal.error());
  hide_memory();
  if (signals.came()) return {};
  const auto served = serve(io, signals, options, std::move(*socket));
  if (served) spdlog::info("ended");
  return served;
}

}  // namespace spigrp
