/** Every bound of the SDK, with its unit and its reason. */

/** Fields of a unit that the code may note. The store takes 2,000, and ours come on top. */
export const FIELDS_MAX = 1_000;
/** Characters of a text. The store cuts at 64 KiB and says so: with one more, it does. */
export const TEXT_CHARACTERS_MAX = (64 << 10) + 1;
/** Bytes of a field's name, as the store takes them. */
export const NAME_BYTES_MAX = 256;
/** Names of fields that are remembered as right. */
export const NAMES_MAX = 10_000;
/** Frames of a stack trace: enough to find the place, not a page. */
export const STACK_FRAMES_MAX = 40;
/** Intents that one program may declare: more are names made of data. */
export const INTENTS_MAX = 10_000;
/** Characters of an intent's name that is made from its text. */
export const SLUG_CHARACTERS_MAX = 64;
/** Events that wait. */
export const QUEUE_EVENTS_MAX = 50_000;
/** Bytes, about, of the events that wait. */
export const QUEUE_BYTES_MAX = 16 << 20;
/** Events of one request: some hundred bytes each make a body that a server takes in a few milliseconds. */
export const BATCH_EVENTS_MAX = 1_000;
/** Bytes of one request before compression. */
export const BATCH_BYTES_MAX = 1 << 20;
/** Seconds that an event waits for others. */
export const FLUSH_SECONDS = 1;
/** Seconds of one request. */
export const REQUEST_SECONDS_MAX = 10;
/** Seconds that the end of the program may take. */
export const EXIT_SECONDS_MAX = 5;
/** Bytes of an answer that are read. */
export const ANSWER_BYTES_MAX = 1 << 20;
/** Characters of a tracestate that go on: as many as the W3C wants of everybody. */
export const STATE_CHARACTERS_MAX = 512;
/** Seconds before the second try; doubled for each further one. */
export const BACKOFF_SECONDS_MIN = 0.1;
/** Seconds between two tries, unless the server asks for more. */
export const BACKOFF_SECONDS_MAX = 10;
/** Seconds of a Retry-After that are believed. */
export const RETRY_AFTER_SECONDS_MAX = 300;
/** Seconds from the first try that may have been stored to the last: the store knows a batch id for 900. */
export const UNCONFIRMED_SECONDS_MAX = 840;
/** Seconds between two warnings about dropped events, and before intents that were refused are announced again. */
export const WARNING_SECONDS = 60;
/** Milliseconds that our idea of the time may differ from the system's before it is put right. */
export const CLOCK_MILLISECONDS_MAX = 2;
