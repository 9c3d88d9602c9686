/** What keeps a rollout from being judged, said in one sentence: exit 2, and back at the stable release. */
export class UnableToJudge extends Error {
  override readonly name = 'UnableToJudge';
}
