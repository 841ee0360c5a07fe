import { fakeService } from './fake.ts';

fakeService('gateway', true);
