/**
 * `node setup/main.js start|test|packages`: makes a fresh clone ready to run. It ends at once when there is nothing to do.
 * start: packages, Node 24, Redis unless REDIS_URL is set. test: the same, Redis always. packages: no Redis.
 *
 * This file must parse on any Node, so that it can report one that is too old: no static import, no newer syntax.
 */
var OLDEST_NODE = 20;

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  console.error('Facequeue needs Node %d or newer; this is Node %s.', OLDEST_NODE, process.versions.node);
  console.error("Install a newer one (https://nodejs.org, or your system's packages) and run the same command again.");
  process.exit(1);
}

void import('./setup.js').then((setup) => setup.main(process.argv[2]));
