// Requests to lines and answers back.
#include "cli/client.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cli/secret_text.h"
#include "config/json_nesting.h"

namespace spigrp {
namespace {

tl::unexpected<Refusal> no_answer(std::string problem) {
  return refusal(ExitStatus::kNoDaemon,
                 {"the daemon's answer", std::move(problem), "is that socket really the daemon's?"});
}

// What was typed may be any bytes; JSON carries UTF-8 only.
std::optional<SecretText> as_line(const nlohmann::json& message) {
  SecretStream stream;
  try {
    stream << message << '\n';
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  return SecretText(stream.view());
}

// Between the quotes of a JSON string; nothing where the text has more than printable ASCII and ends of lines.
std::optional<SecretText> as_plain_string(std::string_view text) {
  SecretText quoted;
  quoted.reserve(text.size() + text.size() / 16);
  while (!text.empty()) {
    const auto is_special = [](char c) {
      return static_cast<signed char>(c) < ' ' || c == '"' || c == '\\' || c == '\x7f';
    };
    const auto special = std::find_if(text.begin(), text.end(), is_special);
    quoted.append(text.begin(), special);
    if (special == text.end()) break;
    if (*special == '\n') {
      quoted += "\\n";
    } else if (*special == '"' || *special == '\\') {
      (quoted += '\\') += *special;
    } else {
      return std::nullopt;
    }
    text.remove_prefix(static_cast<size_t>(special - text.begin()) + 1);
  }
  return quoted;
}

// Of a batch's message nearly all is one string, its lines. The library writes the rest: for a byte of a string it
// takes longer than the daemon does to read it.
std::optional<SecretText> as_line(nlohmann::json& message, const Request& request) {
  if (!std::holds_alternative<TransactionLines>(request)) return as_line(message);
  std::string& text = message["params"]["text"].get_ref<std::string&>();
  const auto quoted = as_plain_string(text);
  if (!quoted || quoted->empty()) return as_line(message);
  std::string kept = std::exchange(text, {});
  auto line = as_line(message);
  text = std::move(kept);
  if (line) line->insert(line->rfind(R"("")") + 1, *quoted);  // nothing else is empty
  return line;
}

uint32_t batch_line(const nlohmann::json& error) {
  const auto data = error.is_object() ? error.find("data") : error.end();
  if (!error.is_object() || data == error.end() || !data->is_object()) return 0;
  const auto line = data->find("line");
  if (line == data->end() || !line->is_number_unsigned()) return 0;
  const auto number = line->get<uint64_t>();
  return number <= UINT32_MAX ? static_cast<uint32_t>(number) : 0;
}

int error_code(const nlohmann::json& error) {
  const auto code = error.is_object() ? error.find("code") : error.end();
  return error.is_object() && code != error.end() && code->is_number_integer() ? code->get<int>() : 0;
}

Outcome<nlohmann::json> read_answer(const std::string& line, uint64_t id) {
  // No answer is deeper than a few levels; copying or printing a tree of a million would outgrow the stack.
  if (json_shape(line).levels > kMaxAnswerNesting) return no_answer("is nested deeper than any answer");
  nlohmann::json answer = nlohmann::json::parse(line, nullptr, false);
  if (!answer.is_object() || answer.value("jsonrpc", nlohmann::json()) != "2.0") return no_answer("is no JSON-RPC 2.0");
  const auto error = answer.find("error");
  const auto answered = answer.find("id");
  // A request that the daemon could not even read is refused without an id (JSON-RPC 2.0 section 5).
  const bool without_id = error != answer.end() && answered != answer.end() && answered->is_null();
  if (answered == answer.end() || (!without_id && *answered != id)) return no_answer("is to another request");
  if (error != answer.end()) {
    Refusal refused{ExitStatus::kRefused, parse_error_json(*error), batch_line(*error), error_code(*error)};
    if (refused.error.text().empty()) refused.error.problem = "the daemon refused it without a word why";
    return tl::unexpected(std::move(refused));
  }
  const auto result = answer.find("result");
  if (result == answer.end()) return no_answer("has neither a result nor an error");
  return std::move(*result);
}

}  // namespace

Client::Client(std::string socket_path, std::chrono::milliseconds limit, size_t most_answer_bytes)
    : socket_path_(std::move(socket_path)), limit_(limit), most_answer_bytes_(most_answer_bytes) {}

Outcome<nlohmann::json> Client::call(const Request& request) {
  const uint64_t id = ++last_id_;
  nlohmann::json message = {{"jsonrpc", "2.0"}, {"id", id}, {"method", std::string(method_name(request))}};
  message["params"] = request_params(request);
  const std::optional<SecretText> line = as_line(message, request);
  wipe_keys(message["params"]);
  if (!line) {
    return refusal(ExitStatus::kWrongUsage, {{}, "a name has bytes that are no text", "write names in UTF-8"});
  }
  const Expected<std::string> answer = exchange(*line);
  if (!answer) {
    socket_ = UnixSocket();
    return refusal(ExitStatus::kNoDaemon, answer.error());
  }
  Outcome<nlohmann::json> result = read_answer(*answer, id);
  // After a misunderstanding nothing on this connection can be trusted.
  if (!result && result.error().status == ExitStatus::kNoDaemon) socket_ = UnixSocket();
  return result;
}

Outcome<void> Client::monitor(const MonitorQuery& query, const std::function<bool(const nlohmann::json&)>& hear) {
  if (const auto done = call(query); !done) return tl::unexpected(done.error());
  for (;;) {
    // As long as it takes.
    const auto line = socket_.read_line(most_answer_bytes_, UnixSocket::Clock::now() + std::chrono::hours(24 * 365));
    if (!line) return refusal(ExitStatus::kNoDaemon, line.error());
    if (json_shape(*line).levels > kMaxAnswerNesting) return no_answer("is nested deeper than any event");
    const nlohmann::json message = nlohmann::json::parse(*line, nullptr, false);
    const auto params = message.is_object() ? message.find("params") : message.end();
    if (!message.is_object() || message.value("method", nlohmann::json()) != "event" || params == message.end()) {
      return no_answer("is no event");
    }
    if (!hear(*params)) return {};
  }
}

Expected<std::string> Client::exchange(std::string_view line) {
  if (!socket_.is_ready()) {
    Expected<UnixSocket> connected = UnixSocket::connect(socket_path_, limit_);
    if (!connected) return tl::unexpected(connected.error());
    socket_ = std::move(*connected);
  }
  const auto until = UnixSocket::Clock::now() + limit_;
  const Expected<void> sent = socket_.send(line, until);
  // A daemon that will not take the whole message may have said why before it closed.
  Expected<std::string> answer = socket_.read_line(most_answer_bytes_, until);
  if (!answer && !sent) return tl::unexpected(sent.error());
  return answer;
}

}  // namespace spigrp
