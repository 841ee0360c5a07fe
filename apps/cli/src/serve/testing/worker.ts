import { fakeService } from './fake.ts';

fakeService('worker', false);
