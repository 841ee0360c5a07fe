/**
 * Texts that scripts store in records, where callers read them as the `detail` of an error. Scripts have them as constants.
 * A gateway of an older release shows what is stored, so a text can change and old records keep theirs.
 */
export const STORED_TEXTS = {
  NOT_STARTED_TEXT: 'the job was not started in time',
  JOB_CANCELED_TEXT: 'the job was canceled',
  JOB_ERASED_TEXT: 'the job was deleted',
  /** For string.format: the number of attempts. */
  ATTEMPTS_SPENT_TEXT: 'the job was abandoned after %d attempts that did not end',
  BATCH_CANCELED_TEXT: 'the batch was canceled',
  DUPLICATE_ITEM_TEXT: 'id: an earlier item of the batch has it',
  CAMERA_ERASED_TEXT: 'the camera was deleted',
  CAMERA_DISPLACED_TEXT: 'its camera gave way to others, because there are too many',
  SUPERSEDED_TEXT: 'a newer frame of the camera has replaced it',
} as const;
