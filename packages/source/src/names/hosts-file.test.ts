import { expect, it } from 'vitest';
import { parseHostsFile } from './hosts-file.ts';

it('a hosts file names addresses, in any case and spacing; other lines are skipped', () => {
  const table = parseHostsFile(
    [
      '# names',
      '  192.0.2.1\tNAS  nas.lan # the cellar',
      '2001:db8::1 nas',
      'fe80::1%eth0 link',
      'nas 192.0.2.9',
      '',
      '192.0.2.2',
    ].join('\n'),
  );
  expect([...table]).toEqual([
    [
      'nas',
      [
        { address: '192.0.2.1', family: 4 },
        { address: '2001:db8::1', family: 6 },
      ],
    ],
    ['nas.lan', [{ address: '192.0.2.1', family: 4 }]],
    ['link', [{ address: 'fe80::1%eth0', family: 6 }]],
  ]);
});
