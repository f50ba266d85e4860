// The one error type of the console: what the server said, or that it could not be reached. It knows no page;
// the words a person reads are made in words/errors.ts.
export type ErrorDetails = { field?: string; similar?: string[] } & Record<string, unknown>;

export class ApiError extends Error {
  constructor(
    /** HTTP status, 0 when no answer came. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: ErrorDetails = {},
    /** Seconds the server asks to wait before the next try. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }

  /** Trying the same again may help: nothing answered, or the server said "later". */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status === 502 || this.status === 503;
  }
}

/** Reads {"error":{code,message,details}}; an answer of another shape still becomes an error that says its status. */
export function readError(status: number, body: string, retryAfter: string | null): ApiError {
  const wait = Number(retryAfter);
  const seconds = retryAfter !== null && Number.isFinite(wait) ? wait : null;
  try {
    const { error } = JSON.parse(body) as { error?: { code?: unknown; message?: unknown; details?: unknown } };
    if (error && typeof error.code === 'string' && typeof error.message === 'string') {
      const details = error.details && typeof error.details === 'object' ? (error.details as ErrorDetails) : {};
      return new ApiError(status, error.code, error.message, details, seconds);
    }
  } catch {
    // Not the contract's shape; fall through.
  }
  return new ApiError(status, 'unexpected_answer', body.trim().slice(0, 200) || `The server answered with status ${status} and nothing else.`, {}, seconds);
}
