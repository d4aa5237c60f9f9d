#include "launcher/join/join_rules.h"

#include <charconv>
#include <climits>

#include "base/error.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

constexpr const char* kOpenMpiCount = "OMPI_COMM_WORLD_LOCAL_SIZE";
constexpr const char* kHydraCount = "MPI_LOCALNRANKS";
constexpr const char* kHint = "say how many with --join-ct=N";

std::optional<std::string_view> value_of(const Environment& environment, const char* name) {
  const auto value = environment.get(name);
  return value && !value->empty() ? value : std::nullopt;
}

/// Takes a whole number off the front of `text`.
std::optional<int> take_number(std::string_view& text) {
  int number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

std::optional<int> number_in(const Environment& environment, const char* name) {
  auto value = value_of(environment, name);
  return value ? take_number(*value) : std::nullopt;
}

int check_count(std::optional<int> count, const char* name, std::string_view value) {
  if (count && *count > 0) return *count;
  throw Error("expected a number of peers from 1 to " + std::to_string(INT_MAX) + " in " + name + ", got '" +
                  std::string(value) + "'",
              kHint);
}

/// The field of this node. Without a node number, a step on one node is still unambiguous.
std::optional<int> slurm_count(const Environment& environment, std::string_view list) {
  const auto node = number_in(environment, "SLURM_NODEID");
  if (node || list.find_first_of(",(") == std::string_view::npos) return tasks_on_node(list, node.value_or(0));
  throw Error("can't determine which field of SLURM_STEP_TASKS_PER_NODE='" + std::string(list) +
                  "' is this node's: SLURM_NODEID is not set",
              kHint);
}

/// Whether mpirun started this rank: inside a Slurm job, the variables of the step are then those of its helpers.
bool is_under_mpirun(const Environment& environment) {
  return value_of(environment, kOpenMpiCount) || value_of(environment, kHydraCount);
}

}  // namespace

std::optional<int> tasks_on_node(std::string_view list, int node) {
  for (long long passed = 0;;) {
    const auto tasks = take_number(list);
    if (!tasks) return std::nullopt;
    int nodes = 1;
    if (take(list, "(x")) {
      const auto repeated = take_number(list);
      if (!repeated || !take(list, ")")) return std::nullopt;
      nodes = *repeated;
    }
    passed += nodes;
    if (node < passed) return tasks;
    if (!take(list, ",")) return std::nullopt;
  }
}

int derive_join_count(const Environment& environment) {
  for (const char* name : {kOpenMpiCount, kHydraCount}) {
    if (const auto value = value_of(environment, name)) {
      return check_count(number_in(environment, name), name, *value);
    }
  }
  if (const auto list = value_of(environment, "SLURM_STEP_TASKS_PER_NODE")) {
    return check_count(slurm_count(environment, *list), "SLURM_STEP_TASKS_PER_NODE", *list);
  }
  if (const auto value = value_of(environment, "SLURM_CPUS_ON_NODE")) {
    const int count = check_count(number_in(environment, "SLURM_CPUS_ON_NODE"), "SLURM_CPUS_ON_NODE", *value);
    log::warning("--join: using the number of CPUs as the number of peers, " + std::to_string(count) +
                 ": no variable of srun or mpirun says it; give it with --join-ct=N");
    return count;
  }
  throw Error("--join: can't determine the number of peers: no variable of srun or mpirun is set", kHint);
}

std::string derive_join_tag(const Environment& environment, int parent) {
  const auto job = value_of(environment, "SLURM_JOB_ID"), step = value_of(environment, "SLURM_STEP_ID");
  if (is_under_mpirun(environment) || !job || !step) return "parent." + std::to_string(parent);
  const auto node = value_of(environment, "SLURM_NODEID");
  return "step." + std::string(*job) + "." + std::string(*step) + "." + std::string(node.value_or("0"));
}

std::optional<int> local_rank(const Environment& environment) {
  if (value_of(environment, kOpenMpiCount)) return number_in(environment, "OMPI_COMM_WORLD_LOCAL_RANK");
  if (value_of(environment, kHydraCount)) return number_in(environment, "MPI_LOCALRANKID");
  if (value_of(environment, "SLURM_STEP_ID")) return number_in(environment, "SLURM_LOCALID");
  return std::nullopt;
}

}  // namespace chrun
