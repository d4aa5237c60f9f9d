/** The profiles of profiles/, made from them by `npm run docs`: no launch has to read and parse them. */
import type { Profile } from '../config/profiles.js';

export const shippedProfiles: readonly Profile[] = [
  {
    name: 'cray',
    owner: 'shipped',
    when: ['/opt/cray', '/etc/opt/cray', '/var/opt/cray'],
    entries: [
      {
        option: 'bind',
        value: '/etc/opt/cray/wlm_detect:/etc/opt/cray/wlm_detect:optional',
        source: { kind: 'file', file: 'profiles/cray.toml', line: 7, profile: 'cray' },
      },
      {
        option: 'bind',
        value: '/opt/cray/wlm_detect:/opt/cray/wlm_detect:optional',
        source: { kind: 'file', file: 'profiles/cray.toml', line: 8, profile: 'cray' },
      },
      {
        option: 'bind',
        value: '/opt/cray/alps:/opt/cray/alps:optional',
        source: { kind: 'file', file: 'profiles/cray.toml', line: 9, profile: 'cray' },
      },
      {
        option: 'bind',
        value: '/opt/cray/udreg:/opt/cray/udreg:optional',
        source: { kind: 'file', file: 'profiles/cray.toml', line: 10, profile: 'cray' },
      },
      {
        option: 'bind',
        value: '/opt/cray/ugni:/opt/cray/ugni:optional',
        source: { kind: 'file', file: 'profiles/cray.toml', line: 11, profile: 'cray' },
      },
      {
        option: 'bind',
        value: '/opt/cray/xpmem:/opt/cray/xpmem:optional',
        source: { kind: 'file', file: 'profiles/cray.toml', line: 12, profile: 'cray' },
      },
      {
        option: 'bind',
        value: '/var/opt/cray/alps:/var/opt/cray/alps:optional',
        source: { kind: 'file', file: 'profiles/cray.toml', line: 13, profile: 'cray' },
      },
    ],
  },
];
