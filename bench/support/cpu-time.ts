/** Runs `task` and measures the CPU time, user and system, that all threads of this process take meanwhile, ms. */
export async function withCpuMs<T>(task: () => Promise<T>): Promise<{ result: T; cpuMs: number }> {
  const before = process.cpuUsage();
  const result = await task();
  const { user, system } = process.cpuUsage(before);
  return { result, cpuMs: (user + system) / 1000 };
}
