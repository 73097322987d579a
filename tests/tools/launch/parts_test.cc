// The parts of tools/launch that need no processes: host files, lines, messages, who runs where.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "tools/launcher/awake_clock.h"
#include "tools/launcher/host_file.h"
#include "tools/launcher/job.h"
#include "tools/launcher/lines.h"
#include "tools/launcher/messages.h"

namespace convoy::launcher {
namespace {

TEST_CASE("A host file names hosts and their slots") {
  const std::vector<Host> hosts = ParseHosts(
      "# the cluster\n\n  node1 slots=4\nuser@node-2.lan\t\tslots=2 # the small one\r\n10.0.0.7",
      "hosts");
  REQUIRE(hosts.size() == 3);
  CHECK(hosts[0].name == "node1");
  CHECK(hosts[0].slots == 4);
  CHECK(hosts[1].name == "user@node-2.lan");
  CHECK(hosts[1].slots == 2);
  CHECK(hosts[2].name == "10.0.0.7");
  CHECK(hosts[2].slots == 1);
}

TEST_CASE("Host files that cannot be read") {
  const auto check = [](const std::string& text, const std::string& message) {
    INFO(text);
    CHECK_THROWS_WITH(ParseHosts(text, "hosts"),
                      "[tools/launch] hosts" + message +
                          (message.find("give it all") == message.npos
                               ? "; write `HOST` or `HOST slots=N`, one host a line"
                               : ""));
  };
  const std::string slots = "expected slots=N with N from 1 to 1024, got ";
  check("", ": expected at least one host, got none");
  check("# a\n\n  # b", ": expected at least one host, got none");
  check("a slots=0", ":1: " + slots + "'slots=0'");
  check("a slots=-1", ":1: " + slots + "'slots=-1'");
  check("a slots=", ":1: " + slots + "'slots='");
  check("a slots=two", ":1: " + slots + "'slots=two'");
  check("a slots=2x", ":1: " + slots + "'slots=2x'");
  check("a slots=1025", ":1: " + slots + "'slots=1025'");
  check("a slots=99999999999999999999", ":1: " + slots + "'slots=99999999999999999999'");
  check("a\nb 4", ":2: expected slots=N after the host, got '4'");
  check("a\nb slot=4", ":2: expected slots=N after the host, got 'slot=4'");
  check("a slots=1 slots=2", ":1: expected the end of the line, got 'slots=2'");
  check("a slots = 2", ":1: expected the end of the line, got '='");
  check("-oProxyCommand=x", ":1: expected a host's name, got '-oProxyCommand=x'");
  check("a;reboot", ":1: expected a host's name, got 'a;reboot'");
  check("\x1b[2J", ":1: expected a host's name, got '\\x1b[2J'");
  // ssh would get what is before the zero.
  check(std::string("fake\0host", 9), ":1: expected a host's name, got 'fake\\x00host'");
  check(std::string(256, 'a'), ":1: expected a host's name, got '" + std::string(80, 'a') + "...'");
  check("a\n#\na slots=2",
        ":3: expected every host once, got 'a' again, first in line 1; give it "
        "all its slots there");
}

TEST_CASE("Files of hosts that are none") {
  CHECK_THROWS_WITH(ReadHostFile("/nonexistent/hosts"),
                    "[tools/launch] cannot open '/nonexistent/hosts': No such file or directory");
  CHECK_THROWS_WITH(ReadHostFile("/"), "[tools/launch] '/' is a folder, and a file is expected");
  CHECK_THROWS_WITH(ReadHostFile("/dev/zero"),
                    "[tools/launch] '/dev/zero' is a device, and a file is expected");
}

TEST_CASE("Workers fill the hosts in order") {
  JobOptions options{.workers = 5, .hosts = {{"a", 2}, {"b", 1}, {"c", 4}, {"d", 1}}};
  const std::vector<HostShare> shares = ShareWorkers(options);
  REQUIRE(shares.size() == 3);
  CHECK(shares[0].ranks == std::vector{0, 1});
  CHECK(shares[1].ranks == std::vector{2});
  CHECK(shares[2].host == "c");
  CHECK(shares[2].ranks == std::vector{3, 4});
  options.workers = 9;
  CHECK_THROWS_WITH(
      ShareWorkers(options),
      "[tools/launch] --workers: expected at most 8, as many as the hosts have slots, "
      "got 9; write `HOST slots=N` in the file of --hosts, or give fewer workers");
  CHECK(ShareWorkers({.workers = 2, .hosts = {{"localhost", 2}}})[0].host.empty());
}

TEST_CASE("Lines are let through whole, with a prefix") {
  LinePrefixer lines("[3] ");
  CHECK(lines.Feed("ab").empty());
  CHECK(lines.Feed("c\n\nde") == "[3] abc\n[3] \n");
  CHECK(lines.last_message() == "abc");
  CHECK(lines.Feed("\nf") == "[3] de\n");
  CHECK(lines.Finish() == "[3] f\n");
  CHECK(lines.Finish().empty());
  CHECK(lines.last_message() == "f");
  CHECK(lines.Feed(std::string("\x1b[1mbold\tx\n \n")) == "[3] \x1b[1mbold\tx\n[3]  \n");
  CHECK(lines.last_message() == "\\x1b[1mbold x");
  CHECK(lines.Feed("10 %\r20 %\rdisk full\r\n") == "[3] 10 %\r20 %\rdisk full\r\n");
  CHECK(lines.last_message() == "disk full");
}

TEST_CASE("The clock for deadlines does not count what happens while the process is stopped") {
  using std::chrono::milliseconds, std::chrono::minutes;
  AwakeClock::Base::time_point now;
  AwakeClock clock(now);
  CHECK(clock.now() == milliseconds(0));
  clock.Tick(now += milliseconds(50));
  clock.Tick(now += milliseconds(700));
  CHECK(clock.now() == milliseconds(750));
  clock.Tick(now += minutes(10));
  CHECK(clock.now() == milliseconds(1750));
  clock.Tick(now += milliseconds(50));
  CHECK(clock.now() == milliseconds(1800));
}

TEST_CASE("The last message is the cause: no table below it, no warning, no blank line") {
  LinePrefixer lines("");
  lines.Feed(
      "reading\nmnist: [worker 1 of 3] out of memory\n  worker 0: waits\n  worker 1: dead\n");
  CHECK(lines.last_message() == "mnist: [worker 1 of 3] out of memory");
  lines.Feed("\nwarning: too slow\n  by far\n");
  CHECK(lines.last_message() == "mnist: [worker 1 of 3] out of memory");
  lines.Feed("terminate called after throwing an instance of 'std::bad_alloc'\n  what():  no\n");
  CHECK(lines.last_message() ==
        "terminate called after throwing an instance of 'std::bad_alloc' what():  no");
  lines.Feed("File \"a.py\"\n  x = 1\n\t^\nValueError: x\n");
  CHECK(lines.last_message() == "ValueError: x");
  LinePrefixer indented("");
  indented.Feed("  alone\n");
  CHECK(indented.last_message() == "alone");
}

TEST_CASE("A line without an end does not fill the memory") {
  LinePrefixer lines("> ");
  const std::string piece(LinePrefixer::kMaxLine, 'x');
  CHECK((lines.Feed(piece + "y\n") == "> " + piece + "\n> y\n"));
  CHECK((lines.Feed(piece + "\n") == "> " + piece + "\n"));
  CHECK((lines.Feed(piece.substr(1)) == ""));
  CHECK((lines.Feed("xz") == "> " + piece + "\n"));
}

TEST_CASE("Messages survive being cut into pieces, behind a greeting") {
  const size_t piece = GENERATE(1, 7, 1000);
  const std::string bytes = "Welcome to node1!" + std::string(kPreamble) +
                            Encode(Message{MessageKind::kOut, 7, "a\nb"}) +
                            Encode(Message{MessageKind::kEnded, -1, ""});
  MessageReader reader;
  std::vector<Message> messages;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    reader.Append(std::string_view(bytes).substr(at, piece));
    while (const std::optional<Message> message = reader.Next()) messages.push_back(*message);
  }
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].kind == MessageKind::kOut);
  CHECK(messages[0].value == 7);
  CHECK(messages[0].text == "a\nb");
  CHECK(messages[1].value == -1);
  CHECK(messages[1].text.empty());
}

TEST_CASE("A message travels as a frame of its kind, its value and its text") {
  CHECK(Encode(Message{MessageKind::kEnded, 0x0102, "no"}) ==
        std::string("\x07\0\0\0\x05\x02\x01\0\0no", 11));
}

TEST_CASE("What is no agent's way of talking is an error") {
  const auto check = [](const std::string& bytes, const std::string& message) {
    MessageReader reader;
    reader.Append(bytes);
    CHECK_THROWS_WITH(reader.Next(), "[tools/launch] expected " + message);
  };
  const std::string preamble(kPreamble);
  check(std::string(70000, 'x'), "the agent's first words, got 70000 other bytes");
  check(preamble + "XXXXXXXXXXXXXXXX", "at most 16777216 bytes at once, got 1482184787");
  check(preamble + std::string("\x06\0\0\1", 4), "at most 16777216 bytes at once, got 16777217");
  check(preamble + std::string("\0\0\0\0", 4), "at least 5 bytes at once, got 0");
  check(preamble + std::string("\4\0\0\0abcd", 8), "at least 5 bytes at once, got 4");
}

TEST_CASE("An order arrives as it was sent, and is refused if it is cut short") {
  const StartOrder order{
      .folder = "/a b", .command = {"x", "", "y z"}, .env = {"A=1"}, .ranks = {3, 4}};
  MessageReader reader;
  reader.Append(std::string(kPreamble) + Encode(order));
  const std::optional<Message> message = reader.Next();
  REQUIRE(message);
  CHECK(message->kind == MessageKind::kStart);
  const std::string& text = message->text;
  const StartOrder got = ParseStartOrder(text);
  CHECK(got.folder == order.folder);
  CHECK(got.command == order.command);
  CHECK(got.env == order.env);
  CHECK(got.ranks == order.ranks);
  for (size_t size = 0; size < text.size(); ++size) {
    CHECK_THROWS_AS(ParseStartOrder(std::string_view(text).substr(0, size)), Error);
  }
  CHECK_THROWS_AS(ParseStartOrder(text + "x"), Error);
}

}  // namespace
}  // namespace convoy::launcher
