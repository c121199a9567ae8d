// ask POLICY FUNCTION [QUESTION]    asks a policy one question, in JSON, and prints its answer
// ask POLICY vectors FILE…          puts the recorded questions of files, and compares the answers
// ask POLICY speed FILE             the time of one `classify`, of the failures in a file, by one thread and by four

#include "policy.hh"

#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

namespace {

using vehicle_connector::Json;
using vehicle_connector::Policy;

struct Tally {
  size_t asked = 0;
  size_t different = 0;

  void compare(const std::string &place, const Json &expected, const Json &given) {
    ++asked;
    if (expected == given)
      return;
    ++different;
    std::cout << place << ": " << given << " instead of " << expected << '\n';
  }
};

void put_record(const Policy &policy, const Json &record, const std::string &place, Tally &tally) {
  if (record.at("about") == "refresh") {
    tally.compare(place, record.at("decision"), policy.ask("admit_refresh", record.at("session")));
    return;
  }
  Json attempt = record.at("attempt");
  const Json recorded = attempt.at("verdict");
  attempt["verdict"] = policy.ask("classify", attempt.at("failure"));
  tally.compare(place, Json{recorded, record.at("decision")}, Json{attempt["verdict"], policy.ask("decide", attempt)});
}

void put_document(const Policy &policy, const Json &document, const std::string &path, Tally &tally) {
  for (const auto &shape : document.at("decisions"))
    tally.compare(path + ": decisions", shape.at("decision"), policy.ask("decide", shape.at("attempt")));
  for (const auto &circuit : document.at("circuits"))
    tally.compare(path + ": circuits", circuit.at("settings"), policy.ask("circuit", circuit.at("scope")));
}

std::ifstream opened(const std::string &path) {
  std::ifstream file(path);
  if (!file)
    throw vehicle_connector::Refused(path + ": cannot be read");
  return file;
}

template <typename Each> void each_record(const std::string &path, Each each) {
  auto file = opened(path);
  size_t number = 0;
  for (std::string line; std::getline(file, line);)
    if (++number; !line.empty())
      each(Json::parse(line), path + ":" + std::to_string(number));
}

int vectors(const Policy &policy, const std::vector<std::string> &paths) {
  Tally tally;
  for (const auto &path : paths) {
    if (path.size() > 5 && path.compare(path.size() - 5, 5, ".json") == 0)
      put_document(policy, Json::parse(opened(path)), path, tally);
    else
      each_record(path, [&](const Json &record, const std::string &place) { put_record(policy, record, place, tally); });
  }
  if (tally.asked == 0)
    throw vehicle_connector::Refused("there are no vectors in what was named");
  std::cout << policy.ask("describe").at("name").get<std::string>() << ": " << tally.different << " of " << tally.asked
            << " answers are different\n";
  return tally.different ? 1 : 0;
}

/// Of one call, in µs, when so many threads ask at once. Each compares the answers with those of the records.
double call_time(const Policy &policy, const std::vector<Json> &attempts, size_t threads) {
  constexpr size_t calls = 5'000;
  std::atomic<size_t> different = 0;
  const auto ask_all = [&] {
    for (size_t call = 0; call < calls; ++call) {
      const auto &attempt = attempts[call % attempts.size()];
      different += policy.ask("classify", attempt.at("failure")) != attempt.at("verdict");
    }
  };
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> asking;
  for (size_t thread = 0; thread < threads; ++thread)
    asking.emplace_back(ask_all);
  for (auto &thread : asking)
    thread.join();
  const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - start;
  if (different)
    throw std::runtime_error(std::to_string(different) + " answers are different when threads ask at once");
  return taken.count() / static_cast<double>(calls * threads);
}

int speed(const Policy &policy, const std::string &path) {
  std::vector<Json> attempts;
  each_record(path, [&](const Json &record, const std::string &) {
    if (record.at("about") == "failure")
      attempts.push_back(record.at("attempt"));
  });
  if (attempts.empty())
    throw vehicle_connector::Refused(path + ": there is no failure in it");
  std::cout << "classify, in a fresh instance each: " << call_time(policy, attempts, 1) << " µs by one thread, "
            << call_time(policy, attempts, 4) << " µs by four\n";
  return 0;
}

} // namespace

int main(int count, char **values) {
  const std::vector<std::string> words(values + 1, values + count);
  if (words.size() < 2 || (words[1] == "vectors" && words.size() < 3) || (words[1] == "speed" && words.size() != 3)) {
    std::cerr << "usage: ask POLICY FUNCTION [QUESTION] | ask POLICY vectors FILE… | ask POLICY speed FILE\n";
    return 2;
  }
  try {
    const Policy policy(words[0]);
    if (words[1] == "vectors")
      return vectors(policy, {words.begin() + 2, words.end()});
    if (words[1] == "speed")
      return speed(policy, words[2]);
    std::cout << policy.ask(words[1], words.size() > 2 ? Json::parse(words[2]) : Json()).dump(2) << '\n';
    return 0;
  } catch (const vehicle_connector::NoAnswer &error) {
    std::cerr << "the policy gave no answer: " << error.what() << '\n';
    return 1;
  } catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
}
