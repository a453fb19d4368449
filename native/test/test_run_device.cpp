#include <doctest/doctest.h>

#include <filesystem>
#include <utility>

#include "cpu/device.h"
#include "error.h"
#include "run/forecast.h"
#include "run/memory_plan.h"
#include "run/speed.h"
#include "run/training_run.h"
#include "tiny_run.h"

using namespace tunesmith;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kMiB = int64_t{1} << 20, kGiB = int64_t{1} << 30;

/** Computes on the CPU and behaves like a GPU with little memory. */
struct ScarceMemory {
  int64_t free = 64 * kGiB;
  /** An allocation of more than this fails, though the memory is said to be free. */
  int64_t largest = 64 * kGiB;
  int64_t taken = 0, largest_taken = 0;
  /** Allocations so far, and how many there may be; of those beyond, how many are refused until there is memory again. */
  int allocations = 0, most_allocations = INT32_MAX, refusals = INT32_MAX;
  /** What the ops' scratch needs besides. */
  int64_t scratch_a_token = 0;
  /** Passes that go on from a cache, as answers do; each of these fails as a kernel does whose code finds no room. */
  int64_t failing_from = INT64_MAX, failing_passes = 0, passes = 0;
};
class StandInGpu final : public CpuDevice {
 public:
  explicit StandInGpu(ScarceMemory& memory) : CpuDevice(1), memory_(memory) {}
  DeviceMemoryInfo memory() const override { return {64 * kGiB, memory_.free - memory_.taken}; }
  void* allocate(size_t bytes) override {
    const auto wanted = static_cast<int64_t>(bytes);
    if (wanted > memory_.largest) refuse();
    if (memory_.allocations >= memory_.most_allocations && memory_.refusals > 0) {
      --memory_.refusals;
      refuse();
    }
    ++memory_.allocations;
    memory_.taken += wanted;
    memory_.largest_taken = std::max(memory_.largest_taken, wanted);
    return CpuDevice::allocate(bytes);
  }
  size_t scratch_bytes(const ScratchLimits& limits) const override {
    return CpuDevice::scratch_bytes(limits) + static_cast<size_t>(limits.tokens * memory_.scratch_a_token);
  }
  void attention_forward(const AttentionForward& op) override {
    if (op.first_row > 0 && ++memory_.passes >= memory_.failing_from && memory_.failing_passes > 0) {
      --memory_.failing_passes;
      refuse();
    }
    CpuDevice::attention_forward(op);
  }

 private:
  [[noreturn]] static void refuse() { throw Error("out-of-memory", "The GPU has no memory left."); }
  ScarceMemory& memory_;
};

class GpuMachine : public Machine {
 public:
  std::vector<Gpu> gpus() override { return list; }
  std::string no_gpu_problem() override { return "this machine has no NVIDIA GPU"; }
  std::unique_ptr<Device> open_gpu(const CudaOptions& options) override {
    if (!opens.empty()) throw Error("device-unavailable", opens);
    opened.push_back(options);
    memory.taken = 0;
    return std::make_unique<StandInGpu>(memory);
  }
  std::optional<GpuReading> read(const Gpu&) override { return GpuReading{12 * kGiB, 80 * kGiB, 98, std::nullopt, 650}; }

  std::vector<Gpu> list = {gpu(0, "its compute capability is 7.5, and 8.0 (NVIDIA Ampere) or newer is needed"), gpu(1, "")};
  ScarceMemory memory;
  std::string opens;
  std::vector<CudaOptions> opened;

 private:
  static Gpu gpu(int index, const std::string& problem) {
    return {index, "Stand-in " + std::to_string(index), "9.0", "580.95.05", 80 * kGiB, 79 * kGiB, 1e15, problem};
  }
};

std::string failure(const TinyRun& run, Machine& machine, const RunOverrides& overrides = {}) {
  try {
    train(run.path(), overrides, machine);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

PlanRequest request_of(int64_t sequence_tokens, int64_t sequences_per_step) {
  PlanRequest request;
  request.config = read_llama_config(TUNESMITH_REPOSITORY "/models/tiny-python");
  request.options.threads = 1;
  request.sequence_tokens = sequence_tokens;
  request.sequence_targets = sequence_tokens / 2;
  request.sequences_per_step = sequences_per_step;
  return request;
}

LlamaConfig one_billion() {
  LlamaConfig config;
  config.hidden_size = 2048, config.intermediate_size = 8192, config.layers = 16;
  config.query_heads = 32, config.kv_heads = 8, config.head_dim = 64;
  config.vocabulary_size = 128256, config.max_position_embeddings = 131072, config.tied_embedding = true;
  return config;
}

}  // namespace

TEST_CASE("the device: the first GPU that can be used, else the CPU with the reason, else an error") {
  GpuMachine machine;
  ChosenDevice chosen = choose_device(machine, RunSpec::Device::automatic);
  CHECK(chosen.id() == "cuda:1");
  CHECK(chosen.name() == "Stand-in 1");
  CHECK(choose_device(machine, RunSpec::Device::cpu).id() == "cpu");
  CHECK(choose_device(machine, RunSpec::Device::cpu).problem == "");
  machine.list.pop_back();
  chosen = choose_device(machine, RunSpec::Device::automatic);
  CHECK(chosen.id() == "cpu");
  CHECK(chosen.problem.find("the Stand-in 0 cannot be used: its compute capability is 7.5") == 0);
  CHECK_THROWS_WITH_AS(choose_device(machine, RunSpec::Device::cuda), doctest::Contains("8.0 (NVIDIA Ampere)"), Error);
  machine.list.clear();
  CHECK(choose_device(machine, RunSpec::Device::automatic).problem == "this machine has no NVIDIA GPU");
  CHECK_THROWS_WITH_AS(choose_device(machine, RunSpec::Device::cuda), doctest::Contains("no NVIDIA GPU"), Error);
  Machine without;
  CHECK(choose_device(without, RunSpec::Device::automatic).problem.find("built without CUDA") != std::string::npos);
}

TEST_CASE("the memory plan takes the fastest plan that fits, and says what would where none does") {
  PlanRequest request = request_of(1024, 16);
  const std::unique_ptr<Device> device = open_device(request.options);
  const MemoryPlan ample = choose_plan(*device, request, 64 * kGiB);
  CHECK(ample.recompute == Recompute::none);
  CHECK(ample.micro_batch == 4);
  // Memory falls, and the plans get slower; none exceeds what there is.
  double last = 0;
  int plans = 0;
  std::string refusal;
  for (int64_t usable = 4 * kGiB; usable > 0 && refusal.empty(); usable -= 8 * kMiB) {
    try {
      const MemoryPlan plan = choose_plan(*device, request, usable);
      CHECK(plan.total_bytes() <= usable);
      const double cost = expected_cost(request, plan.micro_batch, plan.recompute);
      CHECK(cost >= last);
      last = cost;
      ++plans;
    } catch (const Error& error) {
      CHECK(error.code() == "memory-insufficient");
      refusal = error.what();
    }
  }
  CHECK(plans > 10);
  CHECK(refusal.find("packed sequences of 512 tokens instead of 1024 (") != std::string::npos);
  CHECK(std::count(refusal.begin(), refusal.end(), '\n') == 0);
  CHECK_THROWS_WITH_AS(choose_plan(*device, request, 0), doctest::Contains("smaller model"), Error);

  request.micro_batch = 2;
  request.recompute = Recompute::gate_up;
  const MemoryPlan asked = choose_plan(*device, request, 64 * kGiB);
  CHECK(asked.micro_batch == 2);
  CHECK(asked.recompute == Recompute::gate_up);
  const DeviceMemoryInfo memory = device->memory();
  CHECK(memory.available > 0);
  CHECK(memory.total >= memory.available);
}

TEST_CASE("what would fit is named with its figure: a smaller micro-batch, recompute, 4 bits") {
  PlanRequest request = request_of(1024, 16);
  request.rules = kGpuPlanning;
  const std::unique_ptr<Device> device = open_device(request.options);
  request.micro_batch = 1, request.recompute = Recompute::block;
  const int64_t least = choose_plan(*device, request, 64 * kGiB).total_bytes();
  request.micro_batch = 8, request.recompute = Recompute::none;
  int quantized = 0;
  request.open_quantized = [&quantized]() -> std::unique_ptr<Device> {
    ++quantized;
    return open_cpu_device(1);
  };
  try {
    choose_plan(*device, request, least);
    FAIL("it fits");
  } catch (const Error& error) {
    const std::string says = error.what();
    CAPTURE(says);
    CHECK(says.find("recompute \"block\" with a micro-batch of 1 (" + shown_bytes(least) + ")") != std::string::npos);
    CHECK(says.find("model.quantization \"nf4\" (") != std::string::npos);
    CHECK(says.find(" or ") != std::string::npos);
    CHECK(quantized == 1);
  }
}

TEST_CASE("on a GPU, plans go from many tokens at once to recompute and few") {
  PlanRequest request = request_of(2048, 8);
  request.config = one_billion();
  request.sequence_targets = request.sequence_tokens;
  request.options.lora = {16, 32, {true, true, true, true, true, true, true}};
  request.rules = kGpuPlanning;
  const auto cost = [&](int64_t micro_batch, Recompute recompute) { return expected_cost(request, micro_batch, recompute); };
  CHECK(cost(8, Recompute::none) < cost(4, Recompute::none));
  CHECK(cost(2, Recompute::none) < cost(8, Recompute::gate_up));
  CHECK(cost(8, Recompute::gate_up) < cost(8, Recompute::block));
  CHECK(cost(8, Recompute::block) < cost(1, Recompute::none));
  CHECK(cost(1, Recompute::gate_up) < cost(1, Recompute::block));

  const std::unique_ptr<Device> device = open_cpu_device(1);
  std::vector<int64_t> sizes;
  for (const MemoryPlan& plan : candidate_plans(*device, request)) {
    if (plan.recompute == Recompute::none) sizes.push_back(plan.micro_batch);
  }
  // Five, six and seven of eight sequences take two micro-batches as four do.
  CHECK(sizes == std::vector<int64_t>{8, 4, 3, 2, 1});
  request.most_micro_batch = 3;
  CHECK(candidate_plans(*device, request).front().micro_batch == 3);
  request.sequence_tokens = 60'000;
  CHECK(candidate_plans(*device, request).front().micro_batch == 1);
}

TEST_CASE("a reserve stays free, and a budget is not exceeded") {
  CHECK(usable_bytes(kCpuPlanning, 10 * kGiB, std::nullopt) == 10 * kGiB - 10 * kGiB / 100 * 10);
  CHECK(usable_bytes(kCpuPlanning, kGiB, std::nullopt) == kGiB - 256 * kMiB);
  CHECK(usable_bytes(kGpuPlanning, 80 * kGiB, std::nullopt) == 80 * kGiB - 80 * kGiB / 100 * 2);
  CHECK(usable_bytes(kGpuPlanning, 80 * kGiB, 8 * kGiB) == 8 * kGiB);
  CHECK(usable_bytes(kGpuPlanning, 4 * kGiB, 8 * kGiB) == 4 * kGiB - 512 * kMiB);
  CHECK(usable_bytes(kGpuPlanning, 100 * kMiB, std::nullopt) == 0);
}

TEST_CASE("a run on a GPU says what it computes on, what it takes and how the GPU does") {
  const TinyRun run([](Json& spec) { spec["training"]["microBatch"] = nullptr; });
  GpuMachine machine;
  REQUIRE(failure(run, machine) == "");
  const Json start = run.events("start")[0], plan = run.events("plan")[0];
  CHECK(start["device"] == "cuda:1");
  CHECK(start["deviceName"] == "Stand-in 1");
  CHECK(machine.opened.at(0).index == 1);
  CHECK_FALSE(machine.opened.at(0).nf4);
  CHECK(plan["microBatch"] == 3);
  CHECK(plan["recompute"] == "none");
  CHECK(plan["forecastBytes"] == plan["weightBytes"].get<int64_t>() + plan["adapterBytes"].get<int64_t>() +
                                     plan["savedBytes"].get<int64_t>() + plan["workingBytes"].get<int64_t>() +
                                     plan["headBytes"].get<int64_t>() + plan["scratchBytes"].get<int64_t>());
  REQUIRE(run.events("memory").size() == 1);
  const Json memory = run.events("memory")[0];
  CHECK(memory["forecastBytes"] == plan["forecastBytes"]);
  CHECK(memory["usedBytes"].get<int64_t>() == doctest::Approx(plan["forecastBytes"].get<double>()).epsilon(0.02));
  // Twelve steps take less than a second.
  REQUIRE(run.events("telemetry").size() == 1);
  const Json telemetry = run.events("telemetry")[0];
  CHECK(telemetry["memoryUsed"] == 12 * kGiB);
  CHECK(telemetry["utilisation"] == 98);
  CHECK(telemetry["temperature"] == nullptr);
  CHECK(telemetry["tokensPerSecond"] > 0);
  CHECK(run.warnings("device-cpu").empty());
}

TEST_CASE("a GPU that does not open gives way to the CPU, unless it was asked for") {
  const TinyRun run;
  GpuMachine machine;
  machine.opens = "The GPU is in exclusive use by another process.";
  RunOverrides cuda;
  cuda.device = RunSpec::Device::cuda;
  CHECK(failure(run, machine, cuda).find("in exclusive use") != std::string::npos);
  CHECK(run.events().back()["code"] == "device-unavailable");
  CHECK(run.events("start").empty());
  REQUIRE(failure(run, machine) == "");
  CHECK(run.events("start")[0]["device"] == "cpu");
  CHECK(run.warnings("device-cpu").at(0) ==
        "The run computes on the CPU: the Stand-in 1 cannot be opened: The GPU is in exclusive use by another process.");
}

TEST_CASE("4-bit weights need a GPU") {
  const TinyRun run([](Json& spec) { spec["model"]["quantization"] = "nf4"; });
  Machine machine;
  CHECK(failure(run, machine).find("model.quantization \"nf4\" needs a GPU, but this engine") == 0);
  GpuMachine gpu;
  CHECK(failure(run, gpu) == "");
  CHECK(gpu.opened.at(0).nf4);
  CHECK(run.events("plan")[0]["quantization"] == "nf4");
}

TEST_CASE("where the plan's memory cannot be had, the next smaller one is taken and said") {
  const TinyRun run([](Json& spec) { spec["training"]["microBatch"] = nullptr; });
  GpuMachine machine;
  RunOverrides none;
  none.recompute = Recompute::none;
  {
    const TinyRun probe([](Json& spec) { spec["training"]["microBatch"] = nullptr; });
    REQUIRE(failure(probe, machine, none) == "");
    machine.memory.largest = machine.memory.largest_taken - 1;
  }
  machine.opened.clear();
  REQUIRE(failure(run, machine, none) == "");
  const auto plans = run.events("plan");
  REQUIRE(plans.size() >= 2);
  CHECK(plans.front()["microBatch"] == 3);
  CHECK(plans.back()["microBatch"] < 3);
  CHECK(plans.back()["forecastBytes"] < plans.front()["forecastBytes"]);
  CHECK(run.warnings("plan-reduced").size() == plans.size() - 1);
  CHECK(machine.opened.size() == plans.size());
  CHECK(run.events().back()["reason"] == "finished");

  machine.memory.largest = 1000;
  const TinyRun hopeless;
  CHECK(failure(hopeless, machine).find("The run needs ") == 0);
  CHECK(hopeless.events().back()["code"] == "memory-insufficient");
}

TEST_CASE("a resumed run with less memory goes on with fewer sequences at once and says so") {
  const TinyRun run([](Json& spec) { spec["training"]["microBatch"] = nullptr; });
  GpuMachine machine;
  RunOverrides overrides;
  overrides.recompute = Recompute::none;
  REQUIRE(failure(run, machine, overrides) == "");
  fs::remove_all(run.path() + "/adapter");
  fs::remove_all(run.path() + "/checkpoints/step-12");
  const int64_t first = run.events("plan")[0]["forecastBytes"];
  machine.memory.free = first - 1 + 512 * kMiB;
  REQUIRE(failure(run, machine, overrides) == "");
  CHECK(run.events("start")[1]["resumedFrom"] == 8);
  CHECK(run.events("plan")[1]["microBatch"] == 2);
  REQUIRE(run.warnings("micro-batch-changed").size() == 1);
  CHECK(run.warnings("micro-batch-changed")[0].find("2 sequences at once where it had 3, for there is less memory") !=
        std::string::npos);
  CHECK(run.warnings("device-changed").empty());
}

TEST_CASE("a run that goes on on another device says that its bits will differ") {
  const TinyRun run;
  GpuMachine gpu;
  REQUIRE(failure(run, gpu) == "");
  fs::remove_all(run.path() + "/checkpoints/step-12");
  RunOverrides cpu;
  cpu.device = RunSpec::Device::cpu;
  REQUIRE(failure(run, gpu, cpu) == "");
  CHECK(run.events("start")[1]["device"] == "cpu");
  CHECK(run.warnings("device-changed").size() == 1);
  CHECK(run.warnings("device-cpu").empty());
}

TEST_CASE("a GPU that is lost in mid-run ends it with the last checkpoint kept") {
  class LosingMachine final : public GpuMachine {
   public:
    std::optional<GpuReading> read(const Gpu&) override {
      throw Error("device-failed", "The GPU failed while adding a sum: unspecified launch failure.");
    }
  };
  const TinyRun run;
  GpuMachine machine;
  REQUIRE(failure(run, machine) == "");
  fs::remove_all(run.path() + "/checkpoints/step-12");
  LosingMachine losing;
  CHECK(failure(run, losing).find("The GPU failed") == 0);
  CHECK(run.events().back()["type"] == "error");
  CHECK(run.events().back()["code"] == "device-failed");
  CHECK(fs::exists(run.path() + "/checkpoints/step-8/state.json"));
  CHECK(run.events("step").back()["step"] == 12);
}

TEST_CASE("a forecast allocates nothing and knows the speed of earlier runs") {
  const TinyRun run;
  GpuMachine machine;
  ForecastRequest asked;
  asked.folder = run.path();
  asked.runs_folder = fs::path(run.path()).parent_path().string();
  const RunForecast first = forecast_run(machine, asked);
  CHECK(machine.memory.taken == 0);
  CHECK(first.device.id() == "cuda:1");
  CHECK(first.steps == 12);
  CHECK(first.plan.total_bytes() > 0);
  CHECK_FALSE(first.measured);
  CHECK(first.seconds() > 0);
  REQUIRE(failure(run, machine) == "");
  const RunForecast second = forecast_run(machine, asked);
  CHECK(second.measured);
  const Json done = run.events("done")[0];
  CHECK(second.tokens_per_second ==
        doctest::Approx(done["tokens"].get<double>() / done["seconds"].get<double>()));
  CHECK(second.plan.total_bytes() == run.events("plan")[0]["forecastBytes"]);
  // Elsewhere there is none to go by.
  ForecastRequest elsewhere = asked;
  elsewhere.runs_folder = "/nowhere";
  CHECK_FALSE(forecast_run(machine, elsewhere).measured);
  ForecastRequest cpu = asked;
  cpu.overrides.device = RunSpec::Device::cpu;
  CHECK_FALSE(forecast_run(machine, cpu).measured);
  // Without prepared data: sequences are as long as they may be.
  fs::remove_all(run.path() + "/data");
  asked.expected = ExpectedData{.train_tokens = 320, .eval_tokens = 64};
  const RunForecast expected = forecast_run(machine, asked);
  CHECK(expected.tokens == 12 * 3 * 32);
  CHECK(expected.plan.total_bytes() >= first.plan.total_bytes());
}

TEST_CASE("arithmetic of training: recompute costs what it computes again") {
  const LlamaConfig config = one_billion();
  StepShape shape{2048, 1, 11'272'192};
  const double none = training_flops(config, shape, Recompute::none);
  const double gate_up = training_flops(config, shape, Recompute::gate_up);
  const double block = training_flops(config, shape, Recompute::block);
  // 4 operations a parameter of the frozen products, 6 one of the adapter, and the attention.
  const double products = 16.0 * (2048 * (2 * 2048 + 2 * 512) + 3 * 2048 * 8192.0) + 2048 * 128256.0;
  const double attention = 3.5 * 16 * 2 * 2048 * 2048;
  CHECK(none == doctest::Approx(4 * products + 6 * 11'272'192.0 + attention));
  CHECK(gate_up - none == doctest::Approx(16 * 4 * 2048.0 * 8192));
  CHECK(block > gate_up);
  shape.target_share = 0;
  CHECK(none - training_flops(config, shape, Recompute::none) == doctest::Approx(4 * 2048 * 128256.0));
}

TEST_CASE("where there is no memory to answer pinned prompts beside the training, the run goes on") {
  const TinyRun plain, run;
  GpuMachine machine;
  REQUIRE(failure(plain, machine) == "");
  // What the training took by itself, and nothing more.
  machine.memory.most_allocations = machine.memory.allocations;
  machine.memory.allocations = 0;
  run.scratch().write("run/samples.json", R"({"version":1,"prompts":[{"id":"a","ids":[1,2],"maxTokens":9}]})");
  REQUIRE(failure(run, machine) == "");
  CHECK(run.warnings("samples-memory").size() == 1);
  CHECK(run.events("sample").empty());
  CHECK(run.events().back()["reason"] == "finished");
  CHECK(run.adapter() == plain.adapter());
}

TEST_CASE("memory that runs out within the answers leaves the training its own, and answers come again once there is some") {
  const auto pinned = [](const TinyRun& run) {
    // With its answer longer than any batch of the run, so that the ops' scratch has to grow.
    const Json prompt = {{"id", "a"}, {"ids", std::vector<int>(90, 3)}, {"maxTokens", 9}};
    run.scratch().write("run/samples.json", Json{{"version", 1}, {"prompts", {prompt}}}.dump());
  };
  const TinyRun plain, run;
  GpuMachine machine;
  machine.memory.scratch_a_token = 64;
  REQUIRE(failure(plain, machine) == "");
  const int of_training = std::exchange(machine.memory.allocations, 0);
  pinned(run);
  std::vector<int64_t> answered;
  SUBCASE("the cache cannot be had") {
    machine.memory.most_allocations = of_training, machine.memory.refusals = 1;
    answered = {5, 5, 10, 12};
  }
  SUBCASE("the cache can be had, larger scratch cannot") {
    machine.memory.most_allocations = of_training + 1, machine.memory.refusals = 1;
    answered = {5, 5, 10, 12};
  }
  SUBCASE("a kernel of the base's answer finds no room") {
    machine.memory.failing_from = 4, machine.memory.failing_passes = 1;
    answered = {5, 5, 10, 12};
  }
  SUBCASE("twice in a row") {
    machine.memory.failing_from = 1, machine.memory.failing_passes = 2;
    answered = {10, 10, 12};
  }
  REQUIRE(failure(run, machine) == "");
  CHECK(run.warnings("samples-memory").size() == 1);
  std::vector<int64_t> steps;
  for (const Json& event : run.events("sample")) steps.push_back(event["step"]);
  CHECK(steps == answered);
  CHECK(run.events("sample")[0]["base"] == true);
  CHECK(run.events().back()["reason"] == "finished");
  CHECK(run.adapter() == plain.adapter());
}
