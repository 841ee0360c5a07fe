/** The role of a process in an installation, by its command line. */
const MARKS = {
  gateway: 'api/src/main.ts',
  worker: 'worker/src/main.ts',
  engine: 'engines/main.ts',
  redis: 'redis-server',
};
export type Role = keyof typeof MARKS;
export const ROLES = Object.keys(MARKS) as Role[];

/** The role of a process; undefined when it has none. */
export function roleOf(command: string): Role | undefined {
  return ROLES.find((role) => command.includes(MARKS[role]));
}
