//! The errors of the API. An edition decides how they are written.

use crate::blobs::BlobError;
use crate::labels::{MOST_ANNOTATIONS, MOST_LABELS};
use crate::seed::{ExportError, SeedError};
use crate::store::StoreError;

/// Why a request is answered with an error (`docs/reference/errors.md#names`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// 400 `CF-BadQueryParameter` (10005): what is wrong with the query, all faults joined by `, `.
    BadQuery(String),
    /// 400 `CF-InvalidRequest` (10004): a malformed escape or conflicting shapes in the query.
    InvalidRequest,
    /// 400 `CF-MessageParseError` (1001): the body is not JSON.
    NotJson,
    /// 400 `CF-InvalidRequest` (10004), with this text.
    Refused(String),
    /// 400 `CF-PackageBitsAlreadyUploaded` (150004): the package does not wait for an upload.
    BitsAlreadyUploaded,
    /// 401 `CF-NotAuthenticated` (10002): there is no token.
    NotAuthenticated,
    /// 401 `CF-InvalidAuthToken` (1000): the token is wrong. The text does not say in which way.
    InvalidToken,
    /// 403 `CF-NotAuthorized` (10003): the token is valid, but its scopes do not allow the request.
    NotAuthorized,
    /// 403 `CF-OrgSuspended` (10017): the organization of the package is suspended.
    OrganizationSuspended,
    /// 403 `CF-NotAuthorized` (10003): a web page of this origin sent a request that changes something; `None` if the origin
    /// cannot be shown.
    WrongOrigin(Option<String>),
    /// 404 `CF-ResourceNotFound` (10010), with this text, such as `Package not found`.
    NotFound(&'static str),
    /// 404 `CF-NotFound` (10000): there is no such route.
    UnknownRequest,
    /// 404 `CF-NotFound` (10000), with this text, which names the flag that enables the route, or what is served instead.
    NotServed(&'static str),
    /// 408 `CF-InvalidRequest` (10004): the client stopped sending the request
    /// ([RFC 9110 §15.5.9](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9)).
    RequestTimeout,
    /// 413 `CF-InvalidRequest` (10004): the body is too large.
    TooLarge,
    /// 414 `CF-InvalidRequest` (10004): the request target is too long.
    TargetTooLong,
    /// 416 `CF-InvalidRequest` (10004): no byte of the range is among that many bytes
    /// ([RFC 9110 §15.5.17](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.17)).
    RangeNotSatisfiable(u64),
    /// 421 `CF-InvalidRequest` (10004): the server does not answer for this host; `None` if it cannot be shown
    /// ([RFC 9110 §15.5.20](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.20)).
    WrongHost(Option<String>),
    /// 422 `CF-UnprocessableEntity` (10008), with this text.
    Unprocessable(String),
    /// 422 `CF-LabelLimitExceeded` (390020): a change with this many labels would leave too many.
    TooManyLabels(usize),
    /// 422 `CF-AnnotationLimitExceeded` (390023): a change with this many annotations would leave too many.
    TooManyAnnotations(usize),
    /// 431 `CF-InvalidRequest` (10004): the head of the request is too large.
    HeadTooLarge,
    /// 429 `CF-RateLimitExceeded` (10013). Only fault rules cause it.
    RateLimited,
    /// The status, number, name and text of a fault rule.
    InjectedError(Box<InjectedError>),
    /// 503 `CF-ServiceUnavailable` (10015): another program keeps the database locked.
    Busy,
    /// 503 `CF-ServiceUnavailable` (10015): the request needs more steps than one request may take.
    TooExpensive,
    /// 503 `CF-ServiceUnavailable` (10015): too many requests that need many steps wait, or this one waited for too long.
    TooManyExpensive,
    /// 503 `CF-ServiceUnavailable` (10015): there are too many connections, or too many long responses are being sent.
    Overloaded,
    /// 503 `CF-ServiceUnavailable` (10015): the server is stopping, and the request was not answered in time, or its body has
    /// not arrived.
    Stopping,
    /// 503 `CF-ServiceUnavailable` (10015): the database cannot be used at present. The text is logged and never sent to
    /// the client.
    Unavailable(String),
    /// 503 `CF-ServiceUnavailable` (10015): the connection to the database was lost during the commit of the change. The
    /// text is logged and never sent to the client.
    OutcomeUnknown(String),
    /// 503 `CF-ServiceUnavailable` (10015): the data cannot be read. Only `/healthz` says so.
    Unhealthy,
    /// 500 `UnknownError` (10001). The text is logged and never sent to the client.
    Internal(String),
}

/// An error that a fault rule requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectedError {
    /// The HTTP status, 400 to 599.
    pub status: u16,
    /// The number of the error.
    pub code: u32,
    /// The name of the error, with its `CF-`.
    pub title: String,
    /// The text of the error.
    pub detail: String,
}

impl ApiError {
    /// Returns the HTTP status ([RFC 9110 §15](https://www.rfc-editor.org/rfc/rfc9110#section-15)).
    pub fn status(&self) -> u16 {
        match self {
            Self::BadQuery(_)
            | Self::InvalidRequest
            | Self::NotJson
            | Self::Refused(_)
            | Self::BitsAlreadyUploaded => 400,
            Self::NotAuthenticated | Self::InvalidToken => 401,
            Self::NotAuthorized | Self::OrganizationSuspended | Self::WrongOrigin(_) => 403,
            Self::NotFound(_) | Self::UnknownRequest | Self::NotServed(_) => 404,
            Self::RequestTimeout => 408,
            Self::TooLarge => 413,
            Self::TargetTooLong => 414,
            Self::RangeNotSatisfiable(_) => 416,
            Self::WrongHost(_) => 421,
            Self::Unprocessable(_) | Self::TooManyLabels(_) | Self::TooManyAnnotations(_) => 422,
            Self::RateLimited => 429,
            Self::HeadTooLarge => 431,
            Self::InjectedError(error) => error.status,
            Self::Busy
            | Self::TooExpensive
            | Self::TooManyExpensive
            | Self::Overloaded
            | Self::Stopping
            | Self::Unhealthy
            | Self::OutcomeUnknown(_)
            | Self::Unavailable(_) => 503,
            Self::Internal(_) => 500,
        }
    }

    /// Returns the number that Cloud Controllers give the error.
    pub fn code(&self) -> u32 {
        match self {
            Self::BadQuery(_) => 10005,
            Self::InvalidRequest
            | Self::Refused(_)
            | Self::RequestTimeout
            | Self::TooLarge
            | Self::TargetTooLong
            | Self::RangeNotSatisfiable(_)
            | Self::HeadTooLarge
            | Self::WrongHost(_) => 10004,
            Self::NotJson => 1001,
            Self::NotAuthenticated => 10002,
            Self::InvalidToken => 1000,
            Self::NotAuthorized | Self::WrongOrigin(_) => 10003,
            Self::OrganizationSuspended => 10017,
            Self::NotFound(_) => 10010,
            Self::UnknownRequest | Self::NotServed(_) => 10000,
            Self::Unprocessable(_) => 10008,
            Self::BitsAlreadyUploaded => 150_004,
            Self::TooManyLabels(_) => 390_020,
            Self::TooManyAnnotations(_) => 390_023,
            Self::RateLimited => 10013,
            Self::InjectedError(error) => error.code,
            Self::Busy
            | Self::TooExpensive
            | Self::TooManyExpensive
            | Self::Overloaded
            | Self::Stopping
            | Self::Unhealthy
            | Self::OutcomeUnknown(_)
            | Self::Unavailable(_) => 10015,
            Self::Internal(_) => 10001,
        }
    }

    /// Returns the name that Cloud Controllers give the error.
    pub fn title(&self) -> &str {
        match self {
            Self::BadQuery(_) => "CF-BadQueryParameter",
            Self::InvalidRequest
            | Self::Refused(_)
            | Self::RequestTimeout
            | Self::TooLarge
            | Self::TargetTooLong
            | Self::RangeNotSatisfiable(_)
            | Self::HeadTooLarge
            | Self::WrongHost(_) => "CF-InvalidRequest",
            Self::NotJson => "CF-MessageParseError",
            Self::NotAuthenticated => "CF-NotAuthenticated",
            Self::InvalidToken => "CF-InvalidAuthToken",
            Self::NotAuthorized | Self::WrongOrigin(_) => "CF-NotAuthorized",
            Self::OrganizationSuspended => "CF-OrgSuspended",
            Self::NotFound(_) => "CF-ResourceNotFound",
            Self::UnknownRequest | Self::NotServed(_) => "CF-NotFound",
            Self::Unprocessable(_) => "CF-UnprocessableEntity",
            Self::BitsAlreadyUploaded => "CF-PackageBitsAlreadyUploaded",
            Self::TooManyLabels(_) => "CF-LabelLimitExceeded",
            Self::TooManyAnnotations(_) => "CF-AnnotationLimitExceeded",
            Self::RateLimited => "CF-RateLimitExceeded",
            Self::InjectedError(error) => &error.title,
            Self::Busy
            | Self::TooExpensive
            | Self::TooManyExpensive
            | Self::Overloaded
            | Self::Stopping
            | Self::Unhealthy
            | Self::OutcomeUnknown(_)
            | Self::Unavailable(_) => "CF-ServiceUnavailable",
            Self::Internal(_) => "UnknownError",
        }
    }

    /// Returns the text for the client. Editions may put a prefix before it.
    pub fn detail(&self) -> String {
        match self {
            Self::BadQuery(text) => format!("The query parameter is invalid: {text}"),
            Self::InvalidRequest => "The request is invalid".into(),
            Self::NotJson => "Request invalid due to parse error: invalid request body".into(),
            Self::NotAuthenticated => "Authentication error".into(),
            Self::InvalidToken => "Invalid Auth Token".into(),
            Self::NotAuthorized => "You are not authorized to perform the requested action".into(),
            Self::WrongOrigin(origin) => format!(
                "A page of {} may not change anything here; start the server with `--allow-origin` for its origin",
                named("the origin", origin.as_deref())
            ),
            Self::WrongHost(host) => format!(
                "This server does not answer for {}; start it with `--allowed-host` for that name",
                named("the host", host.as_deref())
            ),
            Self::NotFound(text) | Self::NotServed(text) => (*text).into(),
            Self::UnknownRequest => "Unknown request".into(),
            Self::RequestTimeout => "The request did not arrive in time".into(),
            Self::TooLarge => "The request body is too large".into(),
            Self::TargetTooLong => "The request target is too long".into(),
            Self::HeadTooLarge => "The head of the request is too large".into(),
            Self::Refused(text) | Self::Unprocessable(text) => text.clone(),
            Self::RangeNotSatisfiable(size) => {
                format!("The range is not among the {size} bytes of the package")
            }
            Self::BitsAlreadyUploaded => {
                "Bits may be uploaded only once. Create a new package to upload different bits."
                    .into()
            }
            Self::OrganizationSuspended => "The organization is suspended".into(),
            Self::TooManyLabels(count) => format!(
                "Failed to add {count} labels because it would exceed maximum of {MOST_LABELS}"
            ),
            Self::TooManyAnnotations(count) => format!(
                "Failed to add {count} annotations because it would exceed maximum of {MOST_ANNOTATIONS}"
            ),
            Self::RateLimited => "Rate Limit Exceeded".into(),
            Self::InjectedError(error) => error.detail.clone(),
            Self::Busy => "The database is busy, try again".into(),
            Self::TooExpensive => {
                "The request is too expensive, use a smaller page or fewer filters".into()
            }
            Self::TooManyExpensive => {
                "Too many expensive requests are waiting, try again".into()
            }
            Self::Overloaded => "The server is overloaded, try again".into(),
            Self::Stopping => "The server is stopping, try again".into(),
            Self::Unavailable(_) => "The database cannot be used at present".into(),
            Self::OutcomeUnknown(_) => {
                "The connection to the database was lost: it is unknown whether the change was stored, look before you repeat it"
                    .into()
            }
            Self::Unhealthy => "The data cannot be read; the log of the server says why".into(),
            Self::Internal(_) => "An unknown error occurred.".into(),
        }
    }

    /// Returns the text for the log, which may hold more than the client's.
    pub fn cause(&self) -> String {
        match self {
            Self::Internal(cause) | Self::Unavailable(cause) | Self::OutcomeUnknown(cause) => {
                cause.clone()
            }
            other => other.detail(),
        }
    }
}

/// Returns `what` with the value that it has, if that can be shown.
fn named(what: &str, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("{what} `{value}`"),
        None => format!("{what} that the request names"),
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            StoreError::Closed | StoreError::Stopped(_) => Self::Stopping,
            StoreError::TooExpensive => Self::TooExpensive,
            StoreError::TooManyExpensive => Self::TooManyExpensive,
            StoreError::Lost(text) => Self::Unavailable(text),
            error @ StoreError::OutcomeUnknown(_) => Self::OutcomeUnknown(error.to_string()),
            error @ (StoreError::CannotWrite(_)
            | StoreError::CannotOpen(_)
            | StoreError::Unusable(_)
            | StoreError::Unreachable(_)) => Self::Unavailable(error.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<SeedError> for ApiError {
    fn from(error: SeedError) -> Self {
        match error {
            SeedError::Store(error) => error.into(),
            SeedError::Invalid(invalid) => Self::Unprocessable(invalid.to_string()),
        }
    }
}

impl From<ExportError> for ApiError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            other @ (ExportError::Output(_) | ExportError::Bits(..)) => {
                Self::Internal(other.to_string())
            }
        }
    }
}

impl From<BlobError> for ApiError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Store(error) => error.into(),
            file @ BlobError::File(_) => Self::Unavailable(file.to_string()),
        }
    }
}
