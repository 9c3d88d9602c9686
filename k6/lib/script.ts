import { prepareGround, type Ground } from './prepare.ts';
import { secondsIntoRun, type Phase } from './requests.ts';
import { readSettings } from './settings.ts';
import { writeSummary, type SummaryData } from './summary.ts';
import { actAndThink, lookAsPartner, visit, workAtDesk, type Scene } from './users.ts';

const settings = readSettings();

/** What k6 calls before and after the users, the same in every script. */
export const setup = (): Ground => prepareGround(settings);
export const handleSummary = (data: SummaryData): Record<string, string> => writeSummary(settings, data);

/** The users of a script, each an action and a moment of thought; `phaseAt` says to which part of the run a second belongs. */
export function usersWith(
  phaseAt: (seconds: number) => Phase,
): Record<'visitors' | 'staff' | 'partners', (ground: Ground) => void> {
  const scene = (ground: Ground): Scene => ({ settings, ground, phase: phaseAt(secondsIntoRun()) });
  return {
    visitors: (ground) => actAndThink(visit, scene(ground)),
    staff: (ground) => actAndThink(workAtDesk, scene(ground)),
    partners: (ground) => actAndThink(lookAsPartner, scene(ground)),
  };
}
