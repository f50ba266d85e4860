"""Every bound of the SDK, with its unit and its reason."""

# Fields of a unit that the code may note. The store takes 2,000, and ours come on top.
FIELDS_MAX = 1_000
# Characters of a text. The store cuts at 64 KiB and says so: with one more, it does.
TEXT_CHARACTERS_MAX = (64 << 10) + 1
# Bytes of a field's name, as the store takes them.
NAME_BYTES_MAX = 256
# Frames of a stack trace: enough to find the place, not a page.
STACK_FRAMES_MAX = 40
# Intents that one program may declare: more are names made of data.
INTENTS_MAX = 10_000
# Characters of an intent's name that is made from its text.
SLUG_CHARACTERS_MAX = 64
# Events that wait.
QUEUE_EVENTS_MAX = 50_000
# Bytes, about, of the events that wait.
QUEUE_BYTES_MAX = 16 << 20
# Events of one request: some hundred bytes each make a body that a server takes in a few milliseconds.
BATCH_EVENTS_MAX = 1_000
# Bytes of one request before compression.
BATCH_BYTES_MAX = 1 << 20
# Seconds that an event waits for others.
FLUSH_SECONDS = 1.0
# Seconds of one request.
REQUEST_SECONDS_MAX = 10.0
# Seconds that the end of the program may take.
EXIT_SECONDS_MAX = 5.0
# Bytes of an answer that are read.
ANSWER_BYTES_MAX = 1 << 20
# Characters of a tracestate that go on: as many as the W3C wants of everybody.
STATE_CHARACTERS_MAX = 512
# Seconds before the second try; doubled for each further one.
BACKOFF_SECONDS_MIN = 0.1
# Seconds between two tries, unless the server asks for more.
BACKOFF_SECONDS_MAX = 10.0
# Seconds of a Retry-After that are believed.
RETRY_AFTER_SECONDS_MAX = 300.0
# Seconds from the first try that may have been stored to the last: the store knows a batch id for 900.
UNCONFIRMED_SECONDS_MAX = 840.0
# Seconds between two warnings about dropped events.
WARNING_SECONDS = 60.0
