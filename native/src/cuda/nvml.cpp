#include "cuda/nvml.h"

#include <dlfcn.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "error.h"

namespace tunesmith {

namespace {

constexpr int kNeededCuda = 13000;
constexpr int kNeededCapability = 80;
constexpr const char* kNeededDriver = "580";

/** A library that may be missing. Its functions live as long as the process: drivers do not like to be unloaded. */
class DriverLibrary {
 public:
  explicit DriverLibrary(const char* name) : handle_(dlopen(name, RTLD_NOW | RTLD_LOCAL)) {}
  explicit operator bool() const { return handle_ != nullptr; }
  template <class Function>
  Function* get(const char* name) const {
    return handle_ == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(handle_, name));
  }

 private:
  void* handle_;
};

/** The part of cuda.h that is needed, so that the engine is built without the driver. */
struct Cuda {
  using Result = int;
  static constexpr Result kNoDevice = 100;
  static constexpr int kClockRate = 13, kMultiprocessors = 16, kMajor = 75, kMinor = 76;
  DriverLibrary library{"libcuda.so.1"};
  Result (*init)(unsigned) = library.get<Result(unsigned)>("cuInit");
  Result (*version)(int*) = library.get<Result(int*)>("cuDriverGetVersion");
  Result (*error_text)(Result, const char**) = library.get<Result(Result, const char**)>("cuGetErrorString");
  Result (*count)(int*) = library.get<Result(int*)>("cuDeviceGetCount");
  Result (*device)(int*, int) = library.get<Result(int*, int)>("cuDeviceGet");
  Result (*name)(char*, int, int) = library.get<Result(char*, int, int)>("cuDeviceGetName");
  Result (*bus)(char*, int, int) = library.get<Result(char*, int, int)>("cuDeviceGetPCIBusId");
  Result (*memory)(size_t*, int) = library.get<Result(size_t*, int)>("cuDeviceTotalMem_v2");
  Result (*attribute)(int*, int, int) = library.get<Result(int*, int, int)>("cuDeviceGetAttribute");
  bool whole() const {
    return init != nullptr && version != nullptr && error_text != nullptr && count != nullptr && device != nullptr &&
           name != nullptr && bus != nullptr && memory != nullptr && attribute != nullptr;
  }
};

/** The part of nvml.h that is needed. Every function may be missing in an old driver. */
struct Nvml {
  using Result = int;
  using Handle = struct Opaque*;
  struct Memory {
    unsigned long long total, free, used;
  };
  struct Utilisation {
    unsigned gpu, memory;
  };
  DriverLibrary library{"libnvidia-ml.so.1"};
  Result (*init)() = library.get<Result()>("nvmlInit_v2");
  Result (*shutdown)() = library.get<Result()>("nvmlShutdown");
  Result (*driver_version)(char*, unsigned) = library.get<Result(char*, unsigned)>("nvmlSystemGetDriverVersion");
  Result (*by_bus)(const char*, Handle*) = library.get<Result(const char*, Handle*)>("nvmlDeviceGetHandleByPciBusId_v2");
  Result (*memory)(Handle, Memory*) = library.get<Result(Handle, Memory*)>("nvmlDeviceGetMemoryInfo");
  Result (*utilisation)(Handle, Utilisation*) =
      library.get<Result(Handle, Utilisation*)>("nvmlDeviceGetUtilizationRates");
  Result (*temperature)(Handle, int, unsigned*) =
      library.get<Result(Handle, int, unsigned*)>("nvmlDeviceGetTemperature");
  Result (*milliwatts)(Handle, unsigned*) = library.get<Result(Handle, unsigned*)>("nvmlDeviceGetPowerUsage");
  bool started = init != nullptr && shutdown != nullptr && by_bus != nullptr && memory != nullptr && init() == 0;

  Nvml() = default;
  ~Nvml() {
    if (started) shutdown();
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  Handle handle(const std::string& bus) const {
    Handle found = nullptr;
    return started && by_bus(bus.c_str(), &found) == 0 ? found : nullptr;
  }
};

/** "580.95.05", by NVML, else by the kernel module. */
std::string driver_version(const Nvml& nvml) {
  std::array<char, 96> text{};
  if (nvml.started && nvml.driver_version != nullptr &&
      nvml.driver_version(text.data(), static_cast<unsigned>(text.size() - 1)) == 0) {
    return text.data();
  }
  std::ifstream file("/sys/module/nvidia/version");
  std::string version;
  file >> version;
  return version;
}

/** Whether the machine has an NVIDIA display or compute controller, driver or not. */
bool has_nvidia_card() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/bus/pci/devices", error)) {
    std::string vendor, kind;
    std::ifstream(entry.path() / "vendor") >> vendor;
    std::ifstream(entry.path() / "class") >> kind;
    if (vendor == "0x10de" && kind.starts_with("0x03")) return true;
  }
  return false;
}

std::string missing_driver() {
  if (!has_nvidia_card()) return "this machine has no NVIDIA GPU";
  return std::string("the NVIDIA GPU has no driver here: libcuda.so.1 is missing; install the NVIDIA driver ") +
         kNeededDriver + " or newer";
}

std::string failed_start(const Cuda& cuda, Cuda::Result result) {
  if (result == Cuda::kNoDevice) {
    if (!has_nvidia_card()) return "this machine has no NVIDIA GPU";
    return "the NVIDIA driver lets this process see no GPU; look at CUDA_VISIBLE_DEVICES and at what the container was given";
  }
  const char* text = nullptr;
  const bool known = cuda.error_text(result, &text) == 0 && text != nullptr;
  return "the NVIDIA driver does not start (error " + std::to_string(result) + (known ? std::string(", ") + text : "") +
         "); restart the machine, or install the driver again";
}

std::optional<NvidiaGpu> describe(const Cuda& cuda, const Nvml& nvml, int index) {
  NvidiaGpu gpu;
  gpu.index = index;
  int device = 0, major = 0, minor = 0, kilohertz = 0;
  size_t bytes = 0;
  std::array<char, 256> name{};
  std::array<char, 32> bus{};
  if (cuda.device(&device, index) != 0 || cuda.name(name.data(), static_cast<int>(name.size() - 1), device) != 0 ||
      cuda.memory(&bytes, device) != 0 || cuda.attribute(&major, Cuda::kMajor, device) != 0 ||
      cuda.attribute(&minor, Cuda::kMinor, device) != 0) {
    return std::nullopt;
  }
  gpu.name = name.data();
  gpu.capability = major * 10 + minor;
  gpu.memory_total = static_cast<int64_t>(bytes);
  // What is missing of these only makes the figures coarser.
  if (cuda.attribute(&gpu.multiprocessors, Cuda::kMultiprocessors, device) != 0) gpu.multiprocessors = 0;
  if (cuda.attribute(&kilohertz, Cuda::kClockRate, device) == 0) gpu.clock_hz = int64_t{1000} * kilohertz;
  if (cuda.bus(bus.data(), static_cast<int>(bus.size() - 1), device) == 0) gpu.bus = bus.data();
  Nvml::Memory memory{};
  const Nvml::Handle handle = nvml.handle(gpu.bus);
  if (handle != nullptr && nvml.memory(handle, &memory) == 0) gpu.memory_free = static_cast<int64_t>(memory.free);
  return gpu;
}

}  // namespace

std::string nvidia_problem(int capability, int cuda_version, const std::string& driver_version) {
  if (cuda_version < kNeededCuda) {
    const std::string found = driver_version.empty() ? "for CUDA " + std::to_string(cuda_version / 1000) + "." +
                                                           std::to_string(cuda_version % 1000 / 10)
                                                     : driver_version;
    return "the NVIDIA driver " + found + " is too old: CUDA 13 needs " + kNeededDriver + " or newer; update the driver";
  }
  if (capability < kNeededCapability) {
    return "its compute capability is " + std::to_string(capability / 10) + "." + std::to_string(capability % 10) +
           ", and 8.0 (NVIDIA Ampere) or newer is needed";
  }
  return "";
}

NvidiaDriver find_nvidia_gpus() {
  NvidiaDriver driver;
  const Cuda cuda;
  if (!cuda.library || !cuda.whole()) {
    driver.problem = missing_driver();
    return driver;
  }
  const Nvml nvml;
  driver.version = driver_version(nvml);
  int cuda_version = 0, count = 0;
  if (cuda.version(&cuda_version) != 0) cuda_version = 0;
  if (const Cuda::Result result = cuda.init(0); result != 0) {
    // An old driver under new libraries may refuse to start at all; its age is then what to mend.
    const std::string old = cuda_version > 0 ? nvidia_problem(kNeededCapability, cuda_version, driver.version) : "";
    driver.problem = old.empty() || result == Cuda::kNoDevice ? failed_start(cuda, result) : old;
    return driver;
  }
  if (const Cuda::Result result = cuda.count(&count); result != 0) {
    driver.problem = failed_start(cuda, result);
    return driver;
  }
  for (int index = 0; index < count; ++index) {
    std::optional<NvidiaGpu> gpu = describe(cuda, nvml, index);
    if (!gpu) continue;
    gpu->problem = nvidia_problem(gpu->capability, cuda_version, driver.version);
    driver.gpus.push_back(std::move(*gpu));
  }
  if (driver.gpus.empty()) driver.problem = failed_start(cuda, Cuda::kNoDevice);
  return driver;
}

void require_usable_gpu(int index) {
  const NvidiaDriver driver = find_nvidia_gpus();
  for (const NvidiaGpu& gpu : driver.gpus) {
    if (gpu.index != index) continue;
    if (gpu.problem.empty()) return;
    throw Error("device-unavailable", "The " + gpu.name + " cannot be used: " + gpu.problem + ".");
  }
  throw Error("device-unavailable", "There is no GPU number " + std::to_string(index) +
                                        (driver.problem.empty() ? " on this machine." : ": " + driver.problem + "."));
}

double nvidia_peak_flops(const NvidiaGpu& gpu) {
  // Of one multiprocessor in one clock: dense bfloat16 with float32 sums.
  constexpr struct {
    int capability, flops;
  } kPerClock[] = {{80, 2048},  {86, 512},   {87, 512},   {89, 512},  {90, 4096},
                   {100, 8192}, {103, 8192}, {110, 8192}, {120, 512}, {121, 512}};
  for (const auto& [capability, flops] : kPerClock) {
    if (capability == gpu.capability) return static_cast<double>(gpu.clock_hz) * gpu.multiprocessors * flops;
  }
  return 0;
}

struct NvmlMonitor::Library {
  Nvml nvml;
  Nvml::Handle gpu = nullptr;
};

NvmlMonitor::NvmlMonitor(const std::string& bus) : library_(std::make_unique<Library>()) {
  library_->gpu = library_->nvml.handle(bus);
}

NvmlMonitor::~NvmlMonitor() = default;

std::optional<NvmlReading> NvmlMonitor::read() const {
  const auto& [nvml, gpu] = *library_;
  Nvml::Memory memory{};
  if (gpu == nullptr || nvml.memory(gpu, &memory) != 0) return std::nullopt;
  NvmlReading reading;
  reading.memory_used = static_cast<int64_t>(memory.used);
  reading.memory_total = static_cast<int64_t>(memory.total);
  Nvml::Utilisation utilisation{};
  unsigned celsius = 0, milliwatts = 0;
  if (nvml.utilisation != nullptr && nvml.utilisation(gpu, &utilisation) == 0) reading.utilisation = utilisation.gpu;
  if (nvml.temperature != nullptr && nvml.temperature(gpu, 0, &celsius) == 0) reading.temperature = celsius;
  if (nvml.milliwatts != nullptr && nvml.milliwatts(gpu, &milliwatts) == 0) reading.watts = milliwatts / 1000.0;
  return reading;
}

}  // namespace tunesmith
