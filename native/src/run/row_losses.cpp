#include "run/row_losses.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <utility>

#include "error.h"
#include "io/atomic_file.h"

namespace tunesmith {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kFolder = "row-losses", kPrefix = "pass-", kSuffix = ".losses";
/** Of a small data set with thousands of passes, the newest are enough. */
constexpr int64_t kKeptPasses = 20;
/** A pass is written at its end, so a document that the newest file lacks is in the one before. */
constexpr size_t kPassesToAsk = 3;

std::string name_of_pass(int64_t pass) {
  return std::string(kPrefix) + std::to_string(pass) + std::string(kSuffix);
}

std::optional<int64_t> pass_of(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  int64_t pass = 0;
  const char *begin = name.data() + kPrefix.size(), *end = name.data() + name.size() - kSuffix.size();
  if (begin >= end) return std::nullopt;
  const auto [rest, error] = std::from_chars(begin, end, pass);
  return error == std::errc() && rest == end && pass >= 1 ? std::optional(pass) : std::nullopt;
}

/** The newest first. */
std::vector<int64_t> passes_in(const std::string& folder) {
  std::vector<int64_t> passes;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (const auto pass = pass_of(entry.path().filename().string())) passes.push_back(*pass);
  }
  std::sort(passes.rbegin(), passes.rend());
  return passes;
}

void refuse_link(const std::string& folder) {
  std::error_code error;
  if (fs::is_symlink(folder, error)) throw Error("file-unwritable", folder + " is a link, so nothing is written there; remove it.");
}

}  // namespace

RowLosses::RowLosses(std::string run_folder, const PackedSplit& split)
    : folder_(std::move(run_folder) + "/" + std::string(kFolder)), split_(split) {
  start(1);
}

void RowLosses::start(int64_t pass) {
  pass_ = pass;
  losses_.assign(static_cast<size_t>(split_.documents()), {});
  met_ = false;
}

void RowLosses::begin(int64_t pass, std::vector<DocumentLoss> kept) {
  start(pass);
  if (kept.size() == losses_.size()) {
    losses_ = std::move(kept);
    met_ = std::any_of(losses_.begin(), losses_.end(), [](const DocumentLoss& loss) { return loss.step > 0; });
  }
  refuse_link(folder_);
  std::error_code error;
  for (const int64_t found : passes_in(folder_)) {
    if (found >= pass) fs::remove(folder_ + "/" + name_of_pass(found), error);
  }
  write_current();
}

void RowLosses::add(int64_t pass, int64_t sequence, int64_t step, TargetMeans& means) {
  if (pass != pass_) {
    complete_ = {pass_, std::move(losses_)};
    start(pass);
  }
  auto index = static_cast<size_t>(split_.first_document(sequence));
  for (const PackedDocument& document : split_.documents_of(sequence)) {
    losses_[index++] = {means.next(document.targets), static_cast<uint32_t>(step), document.targets};
  }
  met_ = true;
}

std::optional<RowLosses::Written> RowLosses::write_complete(int64_t next_pass) {
  if (next_pass != pass_) {
    complete_ = {pass_, std::move(losses_)};
    start(next_pass);
  }
  if (!complete_) return std::nullopt;
  const Pass done = std::move(*complete_);
  complete_.reset();
  return write(done.number, done.losses);
}

std::optional<RowLosses::Written> RowLosses::write_current() {
  if (!met_) return std::nullopt;
  return write(pass_, losses_);
}

RowLosses::Written RowLosses::write(int64_t pass, const std::vector<DocumentLoss>& losses) const {
  refuse_link(folder_);
  make_folder(folder_);
  write_document_losses(folder_ + "/" + name_of_pass(pass), losses);
  std::error_code error;
  for (const int64_t found : passes_in(folder_)) {
    if (found <= pass - kKeptPasses) fs::remove(folder_ + "/" + name_of_pass(found), error);
  }
  return {pass, std::string(kFolder) + "/" + name_of_pass(pass)};
}

std::vector<std::optional<DocumentLoss>> latest_row_losses(const std::string& run_folder, int64_t split_documents,
                                                           const std::vector<int64_t>& documents) {
  std::vector<std::optional<DocumentLoss>> found(documents.size());
  const std::string folder = run_folder + "/" + std::string(kFolder);
  std::vector<int64_t> passes = passes_in(folder);
  passes.resize(std::min(passes.size(), kPassesToAsk));
  for (const int64_t pass : passes) {
    std::vector<DocumentLoss> losses;
    try {
      losses = read_document_losses(folder + "/" + name_of_pass(pass), split_documents);
    } catch (const Error&) {
      continue;
    }
    for (size_t i = 0; i < documents.size(); ++i) {
      const DocumentLoss& loss = losses[static_cast<size_t>(documents[i])];
      if (!found[i] && std::isfinite(loss.mean)) found[i] = loss;
    }
  }
  return found;
}

}  // namespace tunesmith
