/** The report of a process to the supervisor that forked it, over IPC. The gateway adds its `url` when it is ready. */
export type Report = ({ type: 'ready' } & Record<string, string>) | { type: 'failed'; message: string };

/** Whether a supervisor is connected. */
export const isSupervised = (): boolean => process.connected === true;

/** Resolves when the supervisor has the report, or at once without a supervisor. */
export function sendReport(report: Report): Promise<void> {
  return new Promise((resolve) => {
    if (isSupervised()) process.send!(report, () => resolve());
    else resolve();
  });
}
