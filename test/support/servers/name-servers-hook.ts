/** For `--import`: a process that asks the name server in TEST_NAME_SERVER instead of those of the system. */
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';

const server = process.env['TEST_NAME_SERVER']!;

class TestResolver extends dns.Resolver {
  constructor(options?: ConstructorParameters<typeof dns.Resolver>[0]) {
    super(options);
    this.setServers([server]);
  }
}

dns.Resolver = TestResolver;
syncBuiltinESMExports();
