/**
 * ch-run-ts for Node programs: make launch plans, and start containers as child processes.
 *
 *     import { launch, planLaunch } from 'ch-run-ts';
 *     const plan = planLaunch({ image: './img', binds: [{ source: '/data' }] });
 *     const child = launch(plan, ['wc', '-l', '/data/input'], { stdio: 'inherit' });
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { LaunchError } from './base/errors.js';
import { findNul } from './base/nul.js';
import { checkValues } from './cli/values.js';
import { toValues } from './config/entry.js';
import { automaticProfiles } from './config/profiles.js';
import { RealHost } from './host/host.js';
import { launcherPath, native } from './host/native.js';
import { encodePlan } from './plan/encode.js';
import type { LaunchPlan } from './plan/launch-plan.js';
import { options as runOptions } from './run/options.js';
import { makePlan } from './run/plan/make-plan.js';
import type { LaunchRequest } from './run/request.js';
import { shippedProfiles } from './run/shipped-profiles.js';
import { toRequest } from './run/to-request.js';

export type { DeviceKind, Fact, PathKind } from './host/host.js';
export type { BindFlag, BindRequest } from './plan/bind-words.js';
export type {
  BindOption,
  CreateStep,
  EnterStep,
  IdMap,
  LaunchPlan,
  OutsideStep,
  Step,
} from './plan/launch-plan.js';
export type {
  DevicesRequest,
  EnvironmentRequest,
  JoinRequest,
  LaunchRequest,
} from './run/request.js';
export { LaunchError };

/**
 * Plans the launch of a container, for the calling user on this machine. Nothing is started. Configuration files and
 * CH_RUN_ variables are not consulted; shipped profiles, such as the one for Cray machines, are.
 * @throws {LaunchError} if there is no such image, or a value is wrong
 */
export function planLaunch(request: Pick<LaunchRequest, 'image'> & Partial<LaunchRequest>): LaunchPlan {
  const nul = findNul(request);
  if (nul !== undefined) throw new LaunchError(`NUL in the request: ${nul}`);
  const host = new RealHost();
  const shipped = automaticProfiles(shippedProfiles, host).flatMap(({ entries }) => entries);
  const usual = toRequest(checkValues(runOptions, toValues(runOptions, shipped)), request.image);
  return makePlan({ ...usual, ...request, binds: [...usual.binds, ...(request.binds ?? [])] }, host);
}

/**
 * Starts `command` (a program and its arguments) in a container, as a child process with the semantics of
 * node:child_process: the child *is* the command, so its pid, signals, streams and exit status are the command's
 * own. Statuses 31 and 49 can also mean that the container or the command could not be started (see standard
 * error).
 * @param options as for spawn(), including `shell`, `argv0` and `detached`. Descriptors 3 and up are free for `stdio`:
 *   the plan is passed in the one after them.
 * @throws {LaunchError} if the native part is missing
 */
export function launch(
  plan: LaunchPlan,
  command: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  const file = native.memoryFile(encodePlan(plan));
  try {
    const given = Array.isArray(options.stdio) ? options.stdio : Array(3).fill(options.stdio ?? 'pipe');
    const stdio = [...given, ...Array(Math.max(0, 3 - given.length)).fill('pipe'), file];
    return spawn(launcherPath, ['--launch', String(stdio.length - 1), ...command], {
      ...options,
      stdio,
    });
  } finally {
    closeSync(file);
  }
}
