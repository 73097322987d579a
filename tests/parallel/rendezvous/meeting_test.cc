// Processes that know a meeting place meet there, or are told why not.
#include "parallel/rendezvous/meeting.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "parallel/rendezvous/file_meeting.h"
#include "parallel/rendezvous/unix_meeting.h"
#include "tests/parallel/rendezvous/eventually.h"

namespace convoy {
namespace {

using Catch::Contains;
using Catch::StartsWith;
using Kind = rendezvous::MeetingPlace::Kind;

std::string UniqueName() {
  static int count = 0;
  return fmt::format("meeting-test-{}-{}", getpid(), ++count);
}

rendezvous::MeetingPlace Local() { return {.kind = Kind::kLocal, .name = UniqueName()}; }

rendezvous::MeetingPlace FilePlace() {
  const char* folder = std::getenv("TEST_TMPDIR");
  return {.kind = Kind::kFile,
          .host = "127.0.0.1",
          .name = fmt::format("{}/{}", folder != nullptr ? folder : "/tmp", UniqueName())};
}

rendezvous::MeetingPlace Address() {
  const Descriptor free = net::ListenAt("127.0.0.1", 0);
  return {
      .kind = Kind::kAddress, .host = "127.0.0.1", .port = net::PortOf(free), .secret = "sesame"};
}

struct Visitor {
  int rank = 0;
  int size = 1;
  int delay_ms = 0;
  double timeout_s = 30;
  rendezvous::MeetingPlace place;
};

// All visitors at once, a thread each; what each gets: "" or an error.
std::vector<std::string> MeetAll(
    const std::vector<Visitor>& visitors,
    const std::function<void(int rank, rendezvous::JobConnections&)>& then = {}) {
  std::vector<std::string> errors(visitors.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < visitors.size(); ++i) {
    threads.emplace_back([&, i] {
      const Visitor& it = visitors[i];
      std::this_thread::sleep_for(std::chrono::milliseconds(it.delay_ms));
      const auto page = status::StatusPage::Make(it.size);
      try {
        rendezvous::JobConnections job = rendezvous::MeetJob(it.place, it.rank, page, it.timeout_s);
        if (then) then(it.rank, job);
        page->set_state(it.rank, status::StatusPage::State::kFinished);
      } catch (const Error& error) {
        errors[i] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return errors;
}

TEST_CASE("Workers meet at every kind of place, whoever comes first, and share a store") {
  const int which = GENERATE(0, 1, 2);
  const rendezvous::MeetingPlace place = which == 0   ? Local()
                                         : which == 1 ? FilePlace()
                                                      : Address();
  const int first = GENERATE(0, 2);
  std::vector<Visitor> visitors;
  for (int rank = 0; rank < 4; ++rank) {
    visitors.push_back(
        {.rank = rank, .size = 4, .delay_ms = rank == first ? 0 : 100 + 20 * rank, .place = place});
  }
  const auto errors = MeetAll(visitors, [&](int rank, rendezvous::JobConnections& job) {
    job.store->Add("sum", rank);
    job.store->Set(fmt::format("{}", rank), "");
    job.store->Wait({"0", "1", "2", "3"}, 30);
    CONVOY_CHECK(job.store->Get("sum", 0) == "6", "sum");
    CONVOY_CHECK(!std::filesystem::exists(place.name), "the file is still there");
    job.store->Set(fmt::format("done {}", rank), "");
    job.store->Wait({"done 0", "done 1", "done 2", "done 3"}, 30);
  });
  CHECK(errors == std::vector<std::string>(4));
}

TEST_CASE("The same workers meet again and again at the same place") {
  const int which = GENERATE(0, 1, 2);
  const rendezvous::MeetingPlace place = which == 0   ? Local()
                                         : which == 1 ? FilePlace()
                                                      : Address();
  std::vector<std::string> errors(3);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 3; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        for (int run = 0; run < 5; ++run) {
          const auto page = status::StatusPage::Make(3);
          const rendezvous::JobConnections job = rendezvous::MeetJob(place, rank, page, 30);
          page->set_state(rank, status::StatusPage::State::kFinished);
        }
      } catch (const Error& error) {
        errors[static_cast<size_t>(rank)] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(errors == std::vector<std::string>(3));
}

TEST_CASE("Who does not come is named to all who have") {
  const rendezvous::MeetingPlace place = Local();
  const auto errors = MeetAll({{.rank = 0, .size = 4, .timeout_s = 0.5, .place = place},
                               {.rank = 2, .size = 4, .timeout_s = 5, .place = place}});
  for (const std::string& error : errors) {
    CHECK_THAT(error, StartsWith("[Meet] workers 1, 3 have not joined within 0.5 s; workers 0, 2 "
                                 "have"));
  }
}

TEST_CASE("A worker that is gone before all have come ends the meeting, long before the deadline") {
  const rendezvous::MeetingPlace place = Local();
  std::thread leaves([&] {
    const Deadline deadline(30);
    std::string why;
    std::optional<net::ServerAddress> server;
    while (!(server = rendezvous::AskUnixMeeting(place.name, why)) && !deadline.passed())
      std::this_thread::yield();
    if (!server) return;
    const status::StatusClient link(
        status::StatusPage::Make(3), 2,
        net::Channel::Connect(*server, net::Purpose::kStatus, 2, deadline), deadline);
  });
  const auto errors = MeetAll({{.rank = 0, .size = 3, .place = place}});
  leaves.join();
  CHECK(errors[0] ==
        "[Meet] worker 2 has gone: its connection was closed before all had joined; worker 1 has "
        "not yet");
}

TEST_CASE("Without worker 0 the others say where they have looked") {
  const rendezvous::MeetingPlace local = Local(), file = FilePlace(), address = Address();
  const auto errors = MeetAll({{.rank = 1, .size = 2, .timeout_s = 0.2, .place = local},
                               {.rank = 1, .size = 2, .timeout_s = 0.2, .place = file},
                               {.rank = 1, .size = 2, .timeout_s = 0.2, .place = address}});
  CHECK(errors[0] ==
        fmt::format("[Meet] worker 1 of 2 has not found worker 0 of the job '{}' on this machine "
                    "within 0.2 s (no job of this name is starting); is it running?",
                    local.name));
  CHECK(errors[1] == fmt::format("[Meet] worker 1 of 2 has not found worker 0 through the file "
                                 "'{}' within 0.2 s (no such file or directory); is it running?",
                                 file.name));
  CHECK(errors[2] ==
        fmt::format("[Store] cannot reach worker 0 at 127.0.0.1:{} within 0.2 s (connection "
                    "refused); is it running, and is the address right?",
                    address.port));
}

TEST_CASE("A rank that is taken twice is an error that names both processes, for all") {
  const rendezvous::MeetingPlace place = Local();
  const auto errors = MeetAll({{.rank = 0, .size = 3, .place = place},
                               {.rank = 1, .size = 3, .place = place},
                               {.rank = 1, .size = 3, .place = place}});
  const std::string process = status::ProcessName::Own().ToString();
  for (const std::string& error : errors) {
    CHECK(error == fmt::format("[Meet] rank 1 is taken twice: by {0} and by {0}; two jobs that "
                               "meet at the same place need different ones",
                               process));
  }
}

TEST_CASE("A run that is complete is not disturbed by one that comes too late") {
  const rendezvous::MeetingPlace place = Address();
  const auto errors =
      MeetAll({{.rank = 0, .size = 2, .place = place},
               {.rank = 1, .size = 2, .place = place},
               {.rank = 1, .size = 2, .delay_ms = 300, .timeout_s = 0.3, .place = place}},
              [](int, rendezvous::JobConnections&) {
                std::this_thread::sleep_for(std::chrono::seconds(1));
              });
  CHECK(errors[0].empty());
  CHECK(errors[1].empty());
  CHECK_THAT(errors[2], Contains("within 0.3 s ([Meet] rank 1 is taken twice: by pid"));
}

TEST_CASE("Processes that believe in different sizes are told both") {
  const rendezvous::MeetingPlace place = Local();
  const auto errors =
      MeetAll({{.rank = 0, .size = 3, .place = place}, {.rank = 1, .size = 4, .place = place}});
  const std::string process = status::ProcessName::Own().ToString();
  for (const std::string& error : errors) {
    CHECK(error == fmt::format("[Meet] worker 0 ({0}) was started as one of 3, worker 1 ({0}) as "
                               "one of 4; all must say the same",
                               process));
  }
  CHECK_THROWS_WITH(rendezvous::MeetJob(place, 3, status::StatusPage::Make(3), 1),
                    "[Meet] expected a rank of 0 to 2, got 3");
}

TEST_CASE("Two jobs of one name that start at once on a machine are told apart") {
  const std::string name = UniqueName();
  const rendezvous::UnixMeetingServer door(name, {.port = 1, .secret = "s"});
  CHECK_THROWS_WITH(
      rendezvous::UnixMeetingServer(name, {.port = 2, .secret = "t"}),
      Contains("expected to be the only rank 0 of job '" + name + "', got another one"));
}

TEST_CASE("A name of any length and any bytes opens its own door") {
  const std::string longer(300, 'n'), other = longer + "x";
  std::string why;
  const rendezvous::UnixMeetingServer door(longer, {.port = 7, .secret = "s"});
  const auto server = rendezvous::AskUnixMeeting(longer, why);
  REQUIRE(server);
  CHECK(server->port == 7);
  CHECK(server->secret == "s");
  CHECK_FALSE(rendezvous::AskUnixMeeting(other, why));
}

TEST_CASE("The file is its user's alone while the workers gather, and then gone") {
  const rendezvous::MeetingPlace place = FilePlace();
  std::optional<rendezvous::MeetingFile> file(
      std::in_place, place.name, net::ServerAddress{.host = "h", .port = 9, .secret = "s"});
  struct stat info {};
  REQUIRE(stat(place.name.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  std::string why;
  const auto server = rendezvous::ReadMeetingFile(place.name, why);
  REQUIRE(server);
  CHECK(server->host == "h");
  {
    // One that another job has put in its place stays.
    const rendezvous::MeetingFile newer(place.name, {.host = "h", .port = 10, .secret = "s"});
    file.reset();
    const auto kept = rendezvous::ReadMeetingFile(place.name, why);
    REQUIRE(kept);
    CHECK(kept->port == 10);
  }
  CHECK_FALSE(std::filesystem::exists(place.name));
}

TEST_CASE("A file left from an earlier run is passed over") {
  const rendezvous::MeetingPlace place = FilePlace();
  const Descriptor free = net::ListenAt("127.0.0.1", 0);
  store::StoreServer another({.secret = "of another job"});
  const int stale_port = GENERATE(0, 1);
  const rendezvous::MeetingFile stale(place.name,
                                      {.host = "127.0.0.1",
                                       .port = stale_port == 0 ? net::PortOf(free) : another.port(),
                                       .secret = net::DrawSecret()});
  if (stale_port == 0) shutdown(free.get(), SHUT_RDWR);
  CHECK(MeetAll({{.rank = 0, .size = 2, .delay_ms = 200, .place = place},
                 {.rank = 1, .size = 2, .place = place}}) == std::vector<std::string>(2));
}

TEST_CASE("A file that others may read or write is refused") {
  const rendezvous::MeetingPlace place = FilePlace();
  const rendezvous::MeetingFile file(place.name, {.host = "h", .port = 9, .secret = "s"});
  const mode_t mode = GENERATE(0640, 0604, 0620);
  REQUIRE(chmod(place.name.c_str(), mode) == 0);
  CHECK_THROWS_WITH(rendezvous::MeetJob(place, 1, status::StatusPage::Make(2), 5),
                    Contains(fmt::format("[Meet] expected '{}' to be a file of user {} with mode "
                                         "600, got one of user {} with mode {:o}",
                                         place.name, geteuid(), geteuid(), mode)));
}

TEST_CASE("A file that cannot be written is an error that names it") {
  rendezvous::MeetingPlace place = FilePlace();
  place.name = "/no/such/folder/file";
  CHECK_THROWS_WITH(rendezvous::MeetJob(place, 0, status::StatusPage::Make(1), 5),
                    "[Meet] cannot write '/no/such/folder/file': no such file or directory");
}

TEST_CASE("What is no meeting file is not read as one") {
  const std::string good = "convoy meeting 1\nhost h\nport 9\nsecret s\n";
  CHECK(rendezvous::ParseMeetingFile(good));
  for (size_t n = 0; n < good.size(); ++n) {
    INFO("cut to " << n << " of " << good.size() << " bytes");
    CHECK_FALSE(rendezvous::ParseMeetingFile(good.substr(0, n)).has_value());
  }
  CHECK_FALSE(rendezvous::ParseMeetingFile(good + "\n"));
  for (const char* port : {"0", "65536", "9x", "-1", "", " 9", "99999999999999999999"}) {
    CHECK_FALSE(rendezvous::ParseMeetingFile(
        fmt::format("convoy meeting 1\nhost h\nport {}\nsecret s\n", port)));
  }
}

}  // namespace
}  // namespace convoy
