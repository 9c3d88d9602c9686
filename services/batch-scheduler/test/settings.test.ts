import { createTestDatabase, insertRow } from '@tributary/testkit';
import t from 'tap';
import { attributionSettingsAsSeen } from '../src/settings/job-settings.ts';

const { db } = await createTestDatabase(t);

t.test('an import attributes by the settings that its statements have seen', async (t) => {
  const settings = attributionSettingsAsSeen(db, 'default');
  t.match(await settings.current('default', '0.0'), { attributionModel: 'last_touch' });
  await insertRow(db, 'settings', { key: 'attributionModel', value: 'linear' });
  t.match(
    await settings.current('default', '0.0'),
    { attributionModel: 'last_touch' },
    'one read for one state',
  );
  t.match(await settings.current('default', '1.1'), { attributionModel: 'linear' });
});
