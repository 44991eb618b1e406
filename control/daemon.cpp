// See daemon.h.
#include "control/daemon.h"

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <spdlog/spdlog.h>

#include <rte_eal.h>

#include "config/process.h"
#include "control/log.h"
#include "control/number_keeper.h"
#include "control/rounds.h"
#include "control/server.h"
#include "control/startup_batch.h"
#include "control/telemetry.h"
#include "control/version.h"
#include "crypto/crypto_engine.h"

namespace spigrp {
namespace {

constexpr std::chrono::milliseconds kPollInterval{2};  // of what workers punt, and of old versions
constexpr std::chrono::milliseconds kTurn{10};         // at most, of others in a transaction

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

uint64_t monotonic_seconds() {
  using std::chrono::steady_clock;
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now().time_since_epoch()).count());
}

// Where clients come in, from the first moment on.
struct Sockets {
  static Expected<Sockets> create(const Options& options) {
    auto control = SocketFile::create(options.socket);
    if (!control) return tl::unexpected(control.error());
    Sockets sockets{std::move(*control), {}};
    if (options.read_socket) {
      auto read = SocketFile::create(*options.read_socket);
      if (!read) return tl::unexpected(read.error());
      sockets.read.emplace(std::move(*read));
    }
    return sockets;
  }

  SocketFile control;
  std::optional<SocketFile> read;
};

// The control thread: it waits for clients and signals, polls in between, and does everything in turn.
class ControlLoop {
 public:
  // `numbers` is null where nothing keeps them.
  ControlLoop(boost::asio::io_context& io, Engine& engine, Service& service, NumberKeeper* numbers, Sockets sockets,
              const Options& options)
      : io_(io),
        engine_(engine),
        service_(service),
        numbers_(numbers),
        server_(io, std::move(sockets.control), options.socket, service),
        rounds_(io, kPollInterval) {
    if (sockets.read) read_server_.emplace(io, std::move(*sockets.read), *options.read_socket, service);
  }

  Expected<void> run(EndingSignals& signals) {
    if (auto started = server_.start(); !started) return started;
    if (read_server_) {
      if (auto started = read_server_->start(); !started) return started;
    }
    signals.then([this] { end(); });
    service_.give_turns([this] { serve_others(); });
    rounds_.run([this] { poll(); });
    signals.then({});
    service_.give_turns({});
    return {};
  }

 private:
  void poll() {
    if (ending_) return;
    rounds_.attempt([this] { poll_servers(); });
    rounds_.attempt([this] { engine_.poll_control(); });
    if (numbers_ != nullptr) rounds_.attempt([this] { numbers_->poll(monotonic_seconds()); });
    service_.poll();
  }

  // Of two that cannot listen the second is looked after when the first can.
  void poll_servers() {
    server_.poll();
    if (read_server_) read_server_->poll();
  }

  // In the middle of a transaction that takes long: the numbers of SAs in use and what others on the wire wait for,
  // before anybody who can make others wait; then what clients ask, as far as it changes nothing. Whatever a client's
  // handler throws ends that client, not the transaction.
  void serve_others() noexcept {
    const auto began = std::chrono::steady_clock::now();
    const auto until = began + kTurn;
    if (began >= polled_aside_ + kPollInterval) {
      polled_aside_ = began;
      if (numbers_ != nullptr) rounds_.attempt([this] { numbers_->poll_aside(monotonic_seconds()); });
      if (!ending_) rounds_.attempt([this] { poll_servers(); });
      rounds_.attempt([this] { engine_.poll_aside(); });
      rounds_.attempt([this] { service_.tell_events(); });
    }
    rounds_.attempt([this, until] {
      while (io_.poll_one() > 0 && std::chrono::steady_clock::now() < until) {
      }
    });
  }

  void end() {
    ending_ = true;
    server_.stop();
    if (read_server_) read_server_->stop();
  }

  boost::asio::io_context& io_;
  Engine& engine_;
  Service& service_;
  NumberKeeper* numbers_;
  Server server_;
  std::optional<Server> read_server_;
  Rounds rounds_;
  std::chrono::steady_clock::time_point polled_aside_{};
  bool ending_ = false;
};

Expected<void> apply_startup_batch(Service& service, const Options& options, Batch& batch) {
  const auto applied = service.edit(batch.edits);
  if (applied) return {};
  const RefusedEdit& refused = applied.error();
  return failure(options.startup_batch->string() + ':' + std::to_string(refused.line),
                 refused.error.object + ": " + refused.error.problem, refused.error.remedy);
}

std::vector<AddressSpec> configured_addresses(const Options& options) {
  std::vector<AddressSpec> all;
  for (const PortOptions& port : options.ports) {
    for (const IpPrefix& address : port.addresses) all.push_back({address, port.name});
  }
  return all;
}

Expected<std::unique_ptr<Store>> open_store(const Options& options) {
  if (options.state.directory.empty()) return nullptr;
  return Store::open(options.state, configured_addresses(options));
}

// Reads the batch only now: its keys shall never be in memory that can be dumped, nor stay there.
Expected<void> run_startup_batch(Service& service, const Options& options) {
  if (!options.startup_batch) return {};
  auto batch = read_startup_batch(*options.startup_batch);
  if (!batch) return tl::unexpected(batch.error());
  return apply_startup_batch(service, options, *batch);
}

Expected<void> serve(boost::asio::io_context& io, EndingSignals& signals, const Options& options, Sockets sockets) {
  auto engine = Engine::create(options);
  if (!engine) return tl::unexpected(engine.error());
  if (signals.came()) return {};
  LogTopics topics(options.log_topics);
  const auto store = open_store(options);
  if (!store) return tl::unexpected(store.error());
  Service service({**engine, topics, store->get(), configured_addresses(options)});
  std::optional<NumberKeeper> numbers;
  if (*store != nullptr) numbers.emplace(**engine, **store);
  // The start-up batch is how a gateway begins, not how it goes on.
  const bool goes_on = *store != nullptr && (*store)->has_state();
  if (goes_on) {
    if (auto loaded = service.load(); !loaded) return loaded;
  }
  if (numbers) {
    if (auto begun = numbers->begin(); !begun) return begun;
  }
  if (!goes_on) {
    if (auto applied = run_startup_batch(service, options); !applied) return applied;
  }
  if (signals.came()) return {};
  if (auto started = (*engine)->start(); !started) return started;
  const Telemetry telemetry(**engine);
  if ((*engine)->has_slow_crypto()) {
    spdlog::warn(
        "ipsec-mb {} cannot be loaded for each worker, so with GCM they slow each other down; 1.4 and later do not",
        crypto_library_version());
  }
  spdlog::info("spigrpd {}: {} ports, {} workers, crypto by ipsec-mb {} ({}), control socket {}", kDaemonVersion,
               options.ports.size(), options.workers.count, crypto_library_version(), crypto_manager_name(),
               options.socket.path.string());
  ControlLoop loop(io, **engine, service, numbers ? &*numbers : nullptr, std::move(sockets), options);
  auto ended = signals.came() ? Expected<void>() : loop.run(signals);
  (*engine)->stop();
  if (numbers) {
    if (const auto written = numbers->finish(); !written) {
      spdlog::error("the sequence numbers that were not used are lost: {}", written.error().text());
    }
  }
  return ended;
}

}  // namespace

Expected<void> run_daemon(const Options& options) {
  open_log(options.log_level);
  std::signal(SIGPIPE, SIG_IGN);
  // Not of one thread only, as it is: what is begun in a turn, and done at once, that would count as ended twice, and
  // with the last that it counts it stops (scheduler::poll_one within a handler forgets private_outstanding_work).
  boost::asio::io_context io;
  EndingSignals signals(io);
  auto sockets = Sockets::create(options);
  if (!sockets) return tl::unexpected(sockets.error());
  const auto eal = Eal::start(options);  // as long as it looks at /proc/self, this must be open to the process's user
  if (!eal) return tl::unexpected(eal.error());
  hide_memory();
  if (signals.came()) return {};
  auto served = serve(io, signals, options, std::move(*sockets));
  if (served) spdlog::info("ended");
  return served;
}

}  // namespace spigrp
