/** The inside of a measurement: two steps that warm up, then as many as fit; prints JSON. */
export async function measure(step: () => unknown, batch: number, seconds: number): Promise<void> {
  await step();
  await step();
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  let done = 0;
  while (performance.now() - start < seconds * 1000) {
    await step();
    done += batch;
  }
  const { user, system } = process.cpuUsage(cpu);
  process.stdout.write(
    JSON.stringify({
      imagesPerSecond: (done * 1000) / (performance.now() - start),
      imagesPerCpuSecond: (done * 1e6) / (user + system),
      peakMb: process.resourceUsage().maxRSS / 1024,
    }),
  );
}
