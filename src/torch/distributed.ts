/** Data parallel training: processes that sum their gradients, through c10d's process group (native/addon/distributed.cc). */
import { messageOf, SkyloopError } from "../base/errors.ts";
import { tensor } from "./create.ts";
import { native } from "./dispatch.ts";
import { scope } from "./scope.ts";
import type { Parameter, Tensor } from "./tensor.ts";

/** Where a process stands among its like. */
export interface GroupPlace {
  rank: number;
  size: number;
  host: string;
  port: number;
  /** Whether this process keeps the address book; torchrun's agent does so itself. */
  isServer: boolean;
  /** Tells attempts of torchrun apart. */
  prefix: string;
}

/** Seconds that a process waits for the others before it gives up: a hung one ends the run within a minute. */
const PATIENCE_SECONDS = 45;
const BUCKET_BYTES = 4 << 20;

/**
 * This process's place by torchrun's variables (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT, which may be set by hand)
 * or Slurm's; null where it is alone. Throws BAD_GROUP for variables that contradict each other.
 */
export function placeFrom(env: NodeJS.ProcessEnv): GroupPlace | null {
  const slurm = env.RANK === undefined && env.SLURM_PROCID !== undefined && env.SLURM_STEP_NUM_TASKS !== undefined;
  const [rank, size] = (slurm ? [env.SLURM_PROCID, env.SLURM_STEP_NUM_TASKS] : [env.RANK, env.WORLD_SIZE]).map(Number);
  if (!slurm && env.RANK === undefined && env.WORLD_SIZE === undefined) return null;
  if (!(Number.isInteger(rank) && Number.isInteger(size) && rank >= 0 && rank < size))
    throw new SkyloopError(
      "BAD_GROUP",
      `RANK=${env.RANK} and WORLD_SIZE=${env.WORLD_SIZE} are no place in a group; set both (0 <= RANK < WORLD_SIZE) or neither`,
    );
  if (size === 1) return null;
  // Every task of a Slurm job derives the same port.
  const host = env.MASTER_ADDR ?? (slurm ? (env.SLURM_LAUNCH_NODE_IPADDR ?? "localhost") : "localhost");
  const port = Number(env.MASTER_PORT ?? (slurm ? 20_000 + (Number(env.SLURM_JOB_ID ?? 0) % 20_000) : 29_500));
  const agent = env.TORCHELASTIC_USE_AGENT_STORE === "True";
  return {
    rank,
    size,
    host,
    port,
    isServer: rank === 0 && !agent,
    prefix: `skyloop/${env.TORCHELASTIC_RESTART_COUNT ?? 0}`,
  };
}

/** The processes of a run that this one belongs to. Every method must be called by all of them, in the same order. */
export interface Group extends GroupPlace {
  /** From now on the gradients of these are what `finishGradients` sums. */
  watch(parameters: Parameter[]): void;
  /** Says that the next `backward` is the step's last one: gradients are summed while it goes on. */
  expectGradients(): void;
  /** Waits until every parameter's gradient is the sum over all processes. */
  finishGradients(): void;
  /** Sums numbers over all processes. */
  sum(values: number[]): number[];
  /** Sums a tensor over all processes, in place. */
  sumInto(values: Tensor): void;
  /** Gives all processes the first one's values. */
  broadcast(tensors: Tensor[]): void;
  leave(): void;
}

/**
 * Joins the other processes. Throws GROUP_FAILED where they do not come, and later where one dies, or hangs for
 * `seconds`.
 */
export function joinGroup(place: GroupPlace, seconds = PATIENCE_SECONDS): Group {
  const { rank, size, host, port, isServer, prefix } = place;
  const among = <T>(what: string, body: () => T): T => {
    try {
      return body();
    } catch (cause) {
      throw new SkyloopError(
        "GROUP_FAILED",
        `process ${rank} of ${size} ${what}: ${messageOf(cause).split("\n")[0]}; another process has ended, hangs or cannot be reached at ${host}:${port}; look at its own output, then start all of them again: the run goes on from its last checkpoint`,
        { cause },
      );
    }
  };
  among("could not join the others", () => native.groupJoin(host, port, rank, size, seconds, isServer, prefix));
  return {
    ...place,
    watch: (parameters) =>
      native.groupWatch(
        parameters.map(({ handle }) => handle),
        BUCKET_BYTES,
      ),
    expectGradients: () => native.groupExpect(),
    finishGradients: () => among("lost the others while gradients were summed", () => native.groupFinish()),
    sum: (values) =>
      among("lost the others", () =>
        scope(() => {
          const all = tensor(values, [values.length], "float64");
          native.groupSum(all.handle);
          return Array.from(all.toFloat64Array());
        }),
      ),
    sumInto: (values) => among("lost the others", () => native.groupSum(values.handle)),
    broadcast: (tensors) =>
      among("lost the others at the start", () => native.groupBroadcast(tensors.map(({ handle }) => handle))),
    leave: () => native.groupLeave(),
  };
}
