#include <doctest/doctest.h>

#include "error.h"
#include "io/tokens.h"
#include "scratch.h"
#include "tiny_run.h"

using namespace tunesmith;

namespace {

std::string failure(const Scratch& scratch) {
  try {
    PackedSplit::open(scratch.path(), "train", 100, 50);
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find(scratch.path()) != std::string::npos);
    return error.what();
  }
  return "";
}

const std::vector<TinyDocument> kDocuments = {
    {0, {1, 2, 3, 4}, 2},
    {0, {5, 6, 7}, 1},
    {1, {8, 9}, 1},
};

template <class T>
void put(std::string& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace

TEST_CASE("packed data are read as they were written") {
  const Scratch scratch;
  write_packed(scratch, "train", kDocuments);
  const PackedSplit split = PackedSplit::open(scratch.path(), "train", 100, 50);
  CHECK(split.sequences() == 2);
  CHECK(split.documents() == 3);
  CHECK(split.tokens() == 9);
  CHECK(split.targets() == 4);
  CHECK(split.longest_sequence() == 7);
  CHECK(split.most_targets() == 3);
  CHECK(split.sequence_tokens(1) == 2);
  CHECK(split.digests().size() == 2);
  BatchBuffer buffer;
  buffer.clear();
  split.append(1, buffer);
  split.append(0, buffer);
  CHECK(buffer.ids == std::vector<int32_t>{8, 9, 1, 2, 3, 4, 5, 6, 7});
  CHECK(buffer.document_starts == std::vector<int32_t>{0, 2, 6, 9});
  // The last tokens of each document are targets; the row before predicts them.
  CHECK(buffer.target_rows == std::vector<int32_t>{0, 3, 4, 7});
}

TEST_CASE("an absent split is empty; half of one is an error") {
  const Scratch scratch;
  CHECK(PackedSplit::open(scratch.path(), "eval", 100, 50).sequences() == 0);
  write_packed(scratch, "train", kDocuments);
  std::filesystem::remove(scratch.at("train.documents"));
  CHECK(failure(scratch).find("no such file") != std::string::npos);
}

TEST_CASE("damaged data are refused") {
  const Scratch scratch;
  write_packed(scratch, "train", kDocuments);
  const std::string tokens = scratch.read("train.tokens"), documents = scratch.read("train.documents");
  REQUIRE(failure(scratch).empty());
  const auto with_tokens = [&](auto change) {
    std::string bytes = tokens;
    change(bytes);
    scratch.write("train.tokens", bytes);
    scratch.write("train.documents", documents);
    return failure(scratch);
  };
  const auto with_documents = [&](auto change) {
    std::string bytes = documents;
    change(bytes);
    scratch.write("train.tokens", tokens);
    scratch.write("train.documents", bytes);
    return failure(scratch);
  };
  CHECK(with_tokens([](std::string& b) { b.clear(); }) != "");
  CHECK(with_tokens([](std::string& b) { b[0] = 'X'; }) != "");
  CHECK(with_tokens([](std::string& b) { b[8] = 2; }) != "");
  CHECK(with_tokens([](std::string& b) { b[12] = 1; }) != "");
  CHECK(with_tokens([](std::string& b) { b.pop_back(); }) != "");
  CHECK(with_tokens([](std::string& b) { b.resize(b.size() - 4); }) != "");
  CHECK(with_tokens([](std::string& b) { b += std::string(4, '\1'); }) != "");
  CHECK(with_tokens([](std::string& b) { put<uint32_t>(b, 16, 100); }).find("vocabulary") != std::string::npos);
  CHECK(with_tokens([](std::string& b) { put<uint32_t>(b, 16, 0x80000001u); }).find("first token") != std::string::npos);
  CHECK(with_tokens([](std::string& b) { put<uint32_t>(b, 20, 0x80000001u); }).find("targets") != std::string::npos);
  CHECK(with_documents([](std::string& b) { b.resize(16); }) != "");
  CHECK(with_documents([](std::string& b) { b.pop_back(); }) != "");
  CHECK(with_documents([](std::string& b) { put<uint32_t>(b, 12, 16); }) != "");
  CHECK(with_documents([](std::string& b) { put<uint64_t>(b, 16, 1); }) != "");
  CHECK(with_documents([](std::string& b) { put<uint32_t>(b, 24, 0); }) != "");
  CHECK(with_documents([](std::string& b) { put<uint32_t>(b, 24, UINT32_MAX); }) != "");
  CHECK(with_documents([](std::string& b) { put<uint32_t>(b, 28, 4); }) != "");
  CHECK(with_documents([](std::string& b) { put<uint16_t>(b, 38, 3); }).find("kind") != std::string::npos);
  CHECK(with_documents([](std::string& b) { put<uint32_t>(b, 40, 1); }).find("sequence") != std::string::npos);
  CHECK(with_documents([](std::string& b) { put<uint32_t>(b, 40 + 64, 3); }).find("sequence") != std::string::npos);
  CHECK(with_documents([](std::string& b) { put<uint32_t>(b, 44, 1); }) != "");
}

TEST_CASE("a document longer than the model's context is refused") {
  const Scratch scratch;
  write_packed(scratch, "train", {{0, std::vector<int32_t>(51, 1), 3}});
  CHECK(failure(scratch).find("at most 50") != std::string::npos);
}

TEST_CASE("a sequence without targets is refused") {
  const Scratch scratch;
  write_packed(scratch, "train", {{0, {1, 2, 3}, 0}});
  CHECK(failure(scratch).find("nothing to learn") != std::string::npos);
}
