#include <doctest/doctest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "error.h"
#include "io/atomic_file.h"
#include "io/safetensors.h"
#include "io/sha256.h"
#include "scratch.h"
#include "tiny_run.h"

using namespace tunesmith;
namespace fs = std::filesystem;

namespace {

size_t entries(const std::string& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

/** A file system of `size` at `folder`; mounted only where the test may (root). */
class SmallDisk {
 public:
  SmallDisk(const std::string& folder, const std::string& size) : folder_(folder) {
    fs::create_directories(folder);
    mounted_ = mount("tmpfs", folder.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  std::string folder_;
  bool mounted_;
};

}  // namespace

TEST_CASE("a file appears whole or not at all") {
  const Scratch scratch;
  scratch.write("x", "old");
  {
    AtomicFile file(scratch.at("x"));
    file.write("new, never committed");
  }
  CHECK(scratch.read("x") == "old");
  CHECK(entries(scratch.path()) == 1);
  write_file_atomically(scratch.at("x"), "new");
  CHECK(scratch.read("x") == "new");
  CHECK(entries(scratch.path()) == 1);
  CHECK_THROWS_WITH_AS(write_file_atomically(scratch.at("no/x"), ""), doctest::Contains("no/x"), Error);
}

TEST_CASE("a folder appears whole or not at all, also over an older one") {
  const Scratch scratch;
  scratch.write(".a.tmp/stale", "rest of a killed writer");
  {
    StagedFolder staged(scratch.at(".a.tmp"), scratch.at("a"));
    scratch.write(".a.tmp/one", "1");
    staged.commit();
  }
  CHECK(scratch.read("a/one") == "1");
  CHECK_FALSE(fs::exists(scratch.at("a/stale")));
  {
    StagedFolder staged(scratch.at(".a.tmp"), scratch.at("a"));
    scratch.write(".a.tmp/two", "2");
  }
  CHECK(scratch.read("a/one") == "1");
  {
    StagedFolder staged(scratch.at(".a.tmp"), scratch.at("a"));
    scratch.write(".a.tmp/two", "2");
    staged.commit();
  }
  CHECK(scratch.read("a/two") == "2");
  CHECK_FALSE(fs::exists(scratch.at("a/one")));
  CHECK(entries(scratch.path()) == 1);
}

TEST_CASE("a file over the process's limit leaves nothing behind") {
  const Scratch scratch;
  scratch.write("x.safetensors", "old");
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    std::vector<float> values(5000);
    const NamedTensor tensor{"a", {5000}, values};
    try {
      write_safetensors(scratch.at("x.safetensors"), std::span(&tensor, 1), {});
    } catch (const Error& error) {
      _exit(std::string(error.what()).find("x.safetensors") == std::string::npos ? 3 : 0);
    }
    _exit(4);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(scratch.read("x.safetensors") == "old");
  CHECK(entries(scratch.path()) == 1);
}

TEST_CASE("a full disk ends in one sentence and leaves nothing half-written") {
  const Scratch scratch;
  const SmallDisk disk(scratch.at("disk"), "64k");
  if (!disk.mounted()) {
    MESSAGE("left out: mounting a small file system needs root");
    return;
  }
  SUBCASE("one file") {
    std::vector<float> values(100'000);
    const NamedTensor tensor{"a", {100'000}, values};
    try {
      write_safetensors(scratch.at("disk/x.safetensors"), std::span(&tensor, 1), {});
      FAIL("the disk was not full");
    } catch (const Error& error) {
      CHECK(error.code() == "disk-full");
      CHECK(std::string(error.what()) ==
            scratch.at("disk/x.safetensors") + " cannot be written: the disk is full; free some space and start again.");
    }
    CHECK(entries(scratch.at("disk")) == 0);
  }
  SUBCASE("a run") {
    const TinyRun run;
    fs::copy(run.path(), scratch.at("disk/run"), fs::copy_options::recursive);
    EngineProcess engine({"train", "--run", scratch.at("disk/run")});
    CHECK(engine.wait() == 1);
    const std::string message = engine.err();
    CAPTURE(message);
    CHECK(message.find("the disk is full") != std::string::npos);
    CHECK(std::count(message.begin(), message.end(), '\n') == 1);
    CHECK_FALSE(fs::exists(scratch.at("disk/run/adapter")));
    for (const auto& entry : fs::recursive_directory_iterator(scratch.at("disk/run"))) {
      CHECK(entry.path().string().find(".tmp") == std::string::npos);
    }
    // With room again it goes on to the end.
    fs::copy(scratch.at("disk/run"), scratch.at("moved"), fs::copy_options::recursive);
    EngineProcess again({"train", "--run", scratch.at("moved")});
    CHECK_MESSAGE(again.wait() == 0, again.err());
  }
}

TEST_CASE("SHA-256 of the standard's examples") {
  const auto digest = [](const std::string& text) {
    Sha256 hash;
    hash.add(text);
    return hash.finish();
  };
  CHECK(digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(digest(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  Sha256 pieces;
  const std::string text(1000, 'a');
  for (size_t at = 0; at < 1'000'000; at += 1000) pieces.add(text);
  CHECK(pieces.finish() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 by the processor's instructions is that by plain ones") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * i % 251);
  for (size_t size = 0; size <= text.size(); size += 37) {
    CAPTURE(size);
    Sha256 plain(true), fast;
    plain.add(std::string_view(text).substr(0, size));
    // In two parts, so that a block is put together of both.
    fast.add(std::string_view(text).substr(0, size / 3));
    fast.add(std::string_view(text).substr(size / 3, size - size / 3));
    CHECK(plain.finish() == fast.finish());
  }
}
