import { slackId, wallClock } from './chance.ts';
import { CHANNELS } from './channels.ts';
import { byHandle } from './people.ts';

/** integration_logs.json: who added which app, and when. */
export function integrationLogs() {
  const entry = (handle: string, app: string, channel: string, time: string, change: string) => ({
    user_id: byHandle(handle).id,
    user_name: handle,
    date: String(wallClock(time) / 1000),
    change_type: change,
    app_type: byHandle(app).name,
    app_id: slackId('A', app),
    scope: 'chat:write,channels:read',
    channel: CHANNELS.find((each) => each.name === channel)!.id,
  });
  return [
    entry('priya', 'torque', 'firmware', '03-02 08:15', 'added'),
    entry('tomas', 'pigeon', 'supply-chain', '03-02 08:31', 'added'),
    entry('lena', 'torque', 'firmware', '03-16 13:20', 'expanded'),
    entry('bram', 'pigeon', 'supply-chain', '03-30 09:40', 'updated'),
  ];
}
