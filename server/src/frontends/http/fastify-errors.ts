import { OsproxyError, toOsproxyError } from '#core/errors.ts';
import { HttpError } from './http-error.ts';

interface ValidationIssue {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

/** The parts of Fastify's errors that decide what a client is told. */
interface FrameworkError extends Error {
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly validation?: readonly ValidationIssue[];
  readonly validationContext?: string;
}

const PLACES: Readonly<Record<string, string>> = {
  body: 'Body field',
  querystring: 'Query parameter',
  params: 'Path parameter',
  headers: 'Header',
};

const FRAMEWORK: Readonly<Record<string, (cause: FrameworkError) => OsproxyError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: (cause) =>
    new OsproxyError('TooLarge', 'The request body is larger than this call allows.', { cause }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: (cause) =>
    new OsproxyError('Unsupported', 'This call does not understand the Content-Type of the request.', {
      cause,
    }),
  FST_ERR_CTP_EMPTY_JSON_BODY: (cause) =>
    invalid('The request body is empty, but its Content-Type says JSON: send a JSON document.', cause),
  FST_ERR_CTP_INVALID_JSON_BODY: (cause) => invalid('The request body is not valid JSON.', cause),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: (cause) =>
    invalid('The request body does not have the length that Content-Length promised.', cause),
  FST_ERR_BAD_URL: (cause) => invalid('The path is not valid percent-encoded UTF-8.', cause),
  FST_ERR_MAX_PARAM_LENGTH: (cause) =>
    new HttpError(414, 'InvalidArgument', 'A part of the path is longer than this service allows.', {
      cause,
    }),
};

/** Turns what Fastify throws into the taxonomy; an OsproxyError stays what it is, anything unknown becomes Internal. */
export function fromFastify(error: unknown): OsproxyError {
  if (error instanceof OsproxyError || !(error instanceof Error)) return toOsproxyError(error);
  const framework: FrameworkError = error;
  if (framework.validation !== undefined) return fromValidation(framework, framework.validation);
  if (typeof framework.code === 'string') {
    const translate = FRAMEWORK[framework.code];
    if (translate !== undefined) return translate(framework);
    if (framework.code === 'ECONNRESET') {
      return new OsproxyError('Cancelled', 'The connection closed before the request body was complete.', {
        cause: error,
      });
    }
  }
  // The JSON parser refuses documents with __proto__ and the like.
  if (error instanceof SyntaxError && framework.statusCode === 400) {
    return invalid('The request body is not JSON that this service accepts.', framework);
  }
  return fromStatus(framework) ?? toOsproxyError(error);
}

/** What the framework or a plugin lays at the client's door itself; its own words may show more than a client should see. */
function fromStatus(cause: FrameworkError): OsproxyError | undefined {
  const { statusCode } = cause;
  if (statusCode === 403 || statusCode === 404) {
    return new OsproxyError('NotFound', 'There is nothing at this path.', { cause });
  }
  const isClients = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  return isClients ? invalid('The request is not one that this service understands.', cause) : undefined;
}

function invalid(message: string, cause: Error): OsproxyError {
  return new OsproxyError('InvalidArgument', message, { cause });
}

function fromValidation(error: FrameworkError, issues: readonly ValidationIssue[]): OsproxyError {
  const [issue] = issues;
  if (issue === undefined) return invalid('The request does not have the expected form.', error);
  const context = error.validationContext ?? 'body';
  const field = fieldOf(issue);
  const place = PLACES[context] ?? context;
  const subject = field === '' ? 'The request body' : `${place} "${field}"`;
  return new OsproxyError('InvalidArgument', `${subject} ${wish(issue)}.`, {
    cause: error,
    details: field === '' ? {} : { field },
  });
}

function fieldOf(issue: ValidationIssue): string {
  const path = issue.instancePath
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
  const { missingProperty, additionalProperty } = issue.params;
  if (typeof missingProperty === 'string') path.push(missingProperty);
  if (typeof additionalProperty === 'string') path.push(additionalProperty);
  return path.join('.');
}

function wish(issue: ValidationIssue): string {
  switch (issue.keyword) {
    case 'required':
      return 'is missing';
    case 'additionalProperties':
      return 'is not known to this call';
    case 'enum':
      return `must be one of ${JSON.stringify(issue.params.allowedValues)}`;
    case 'const':
      return `must be ${JSON.stringify(issue.params.allowedValue)}`;
    default:
      return issue.message ?? 'does not have the expected form';
  }
}
