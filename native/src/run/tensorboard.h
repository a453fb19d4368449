#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tunesmith {

/** CRC-32C (Castagnoli), masked as TFRecord masks it. */
uint32_t masked_crc32c(std::string_view bytes);

/**
 * One attempt's event file for TensorBoard: records in TFRecord's framing, each an `Event` of TensorFlow's event.proto.
 * TensorBoard reads the files of a folder in the order of their names, so a name's seconds are later than those of every
 * earlier file, whatever the clock says.
 */
class TensorBoardLog {
 public:
  struct Scalar {
    const char* tag;
    double value;
  };

  /** Touches nothing: the file is made with the first value. `resumed_from` is a step; later values of earlier attempts are
      void, and the file says so to TensorBoard. */
  TensorBoardLog(std::string folder, int64_t attempt, int64_t resumed_from);
  ~TensorBoardLog();
  TensorBoardLog(const TensorBoardLog&) = delete;
  TensorBoardLog& operator=(const TensorBoardLog&) = delete;

  /** One record in one write; a value that is not finite is left out. Throws Error, and then the file ends with the record
      before. */
  void add(int64_t step, const std::vector<Scalar>& scalars);
  /** `markdown` under TensorBoard's tab for texts. Throws Error. */
  void add_text(int64_t step, std::string_view tag, std::string_view markdown);

 private:
  void create();
  void add_summary(int64_t step, const std::string& summary);
  void append(const std::string& bytes);

  std::string folder_, path_;
  int64_t attempt_, resumed_from_;
  int fd_ = -1;
};

}  // namespace tunesmith
