#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tunesmith {

/** nf4: 4-bit codes and scales as bitsandbytes stores them. */
enum class DType { f32, f16, bf16, nf4 };

struct Nf4Tensor;

/** A tensor that lies in a mapped file; valid as long as its TensorSource. */
struct TensorView {
  DType dtype;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;  // nf4: the codes
  std::string file;                  // for error messages, as the name
  std::string name = {};
  std::shared_ptr<const Nf4Tensor> nf4 = nullptr;  // given for that dtype
  int64_t count() const;
  /** Widens to float32. */
  void copy_to(std::span<float> out) const;
};

/** The tensors of one .safetensors file, or of a model folder (model.safetensors, or shards by its index). Memory-mapped.
    Every header is validated: offsets inside the file, shape × dtype = bytes, no overlap, no duplicate. The tensors that
    make up a matrix in bitsandbytes' NF4 appear as one. Throws Error. */
class TensorSource {
 public:
  /** Of tensors in memory that outlives it. */
  static TensorSource from_views(std::map<std::string, TensorView> views);
  static TensorSource open_file(const std::string& path);
  static TensorSource open_model(const std::string& directory);
  ~TensorSource();
  TensorSource(TensorSource&&) noexcept;
  bool contains(const std::string& name) const;
  /** Throws Error naming the file and the tensor where it is absent or its shape differs from `shape`. */
  const TensorView& at(const std::string& name, std::span<const int64_t> shape) const;
  const std::map<std::string, TensorView>& all() const;

 private:
  struct Impl;
  explicit TensorSource(std::unique_ptr<Impl>);
  std::unique_ptr<Impl> impl_;
};

/** A named float32 tensor in memory, as saved in adapters and checkpoints. */
struct NamedTensor {
  std::string name;
  std::vector<int64_t> shape;
  std::span<float> values;
};

/** Writes float32 tensors to `path` in name order: temporary name, fsync, rename, fsync of the folder. Throws Error. */
void write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace tunesmith
