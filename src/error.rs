//! What a request can be refused for. The variants' texts are the API's; an edition says how they are written.

use crate::seed::SeedError;
use crate::store::StoreError;

/// A refusal, before an edition presents it (reference: packages-api.md §0.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// 400 `BadQueryParameter` (10005): what is wrong with the query, all faults joined by `, `.
    BadQuery(String),
    /// 400 `InvalidRequest` (10004): a malformed escape or conflicting shapes in the query.
    InvalidRequest,
    /// 400 `MessageParseError` (1001): a body that is not JSON.
    NotJson,
    /// 400 `BadRequest`-like refusal of our own, with its text, as `InvalidRequest` (10004).
    Refused(String),
    /// 401 `NotAuthenticated` (10002): no token.
    NotAuthenticated,
    /// 401 `InvalidAuthToken` (1000): a token that is wrong in any way, always with the same words.
    InvalidToken,
    /// 403 `NotAuthorized` (10003): a valid token without the scope.
    NotAuthorized,
    /// 404 `ResourceNotFound` (10010): `Package not found` and the like.
    NotFound(&'static str),
    /// 404 `NotFound` (10000): no such route.
    UnknownRequest,
    /// 404 `NotFound` (10000): a route that a flag would bring; the text names it.
    NotServed(&'static str),
    /// 413: a body that is too large.
    TooLarge,
    /// 414: a request line that is too long.
    TargetTooLong,
    /// 422 `UnprocessableEntity` (10008).
    Unprocessable(String),
    /// 429 `RateLimitExceeded` (10013): only as a fault that was asked for.
    RateLimited,
    /// Whatever a fault that was asked for says.
    InjectedError(Box<InjectedError>),
    /// 503 `ServiceUnavailable` (10015): locked by another program, or stopping.
    Busy,
    /// 500 `UnknownError` (10001): the text goes to the log, never to the client.
    Internal(String),
}

/// A refusal that somebody asked for, to see what their client does with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectedError {
    /// The HTTP status.
    pub status: u16,
    /// The controller's number.
    pub code: u32,
    /// The controller's name, with its `CF-`.
    pub title: String,
    /// The sentence.
    pub detail: String,
}

impl ApiError {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::BadQuery(_) | Self::InvalidRequest | Self::NotJson | Self::Refused(_) => 400,
            Self::NotAuthenticated | Self::InvalidToken => 401,
            Self::NotAuthorized => 403,
            Self::NotFound(_) | Self::UnknownRequest | Self::NotServed(_) => 404,
            Self::TooLarge => 413,
            Self::TargetTooLong => 414,
            Self::Unprocessable(_) => 422,
            Self::RateLimited => 429,
            Self::InjectedError(fault) => fault.status,
            Self::Busy => 503,
            Self::Internal(_) => 500,
        }
    }

    /// The controller's own number for it.
    pub fn code(&self) -> u32 {
        match self {
            Self::BadQuery(_) => 10005,
            Self::InvalidRequest | Self::Refused(_) | Self::TooLarge | Self::TargetTooLong => 10004,
            Self::NotJson => 1001,
            Self::NotAuthenticated => 10002,
            Self::InvalidToken => 1000,
            Self::NotAuthorized => 10003,
            Self::NotFound(_) => 10010,
            Self::UnknownRequest | Self::NotServed(_) => 10000,
            Self::Unprocessable(_) => 10008,
            Self::RateLimited => 10013,
            Self::InjectedError(fault) => fault.code,
            Self::Busy => 10015,
            Self::Internal(_) => 10001,
        }
    }

    /// The controller's own name for it.
    pub fn title(&self) -> &str {
        match self {
            Self::BadQuery(_) => "CF-BadQueryParameter",
            Self::InvalidRequest | Self::Refused(_) | Self::TooLarge | Self::TargetTooLong => {
                "CF-InvalidRequest"
            }
            Self::NotJson => "CF-MessageParseError",
            Self::NotAuthenticated => "CF-NotAuthenticated",
            Self::InvalidToken => "CF-InvalidAuthToken",
            Self::NotAuthorized => "CF-NotAuthorized",
            Self::NotFound(_) => "CF-ResourceNotFound",
            Self::UnknownRequest | Self::NotServed(_) => "CF-NotFound",
            Self::Unprocessable(_) => "CF-UnprocessableEntity",
            Self::RateLimited => "CF-RateLimitExceeded",
            Self::InjectedError(fault) => &fault.title,
            Self::Busy => "CF-ServiceUnavailable",
            Self::Internal(_) => "UnknownError",
        }
    }

    /// The sentence for the client, without what an edition puts before it.
    pub fn detail(&self) -> String {
        match self {
            Self::BadQuery(text) => format!("The query parameter is invalid: {text}"),
            Self::InvalidRequest => "The request is invalid".into(),
            Self::NotJson => "Request invalid due to parse error: invalid request body".into(),
            Self::NotAuthenticated => "Authentication error".into(),
            Self::InvalidToken => "Invalid Auth Token".into(),
            Self::NotAuthorized => "You are not authorized to perform the requested action".into(),
            Self::NotFound(text) | Self::NotServed(text) => (*text).into(),
            Self::UnknownRequest => "Unknown request".into(),
            Self::TooLarge => "The request body is too large".into(),
            Self::TargetTooLong => "The request target is too long".into(),
            Self::Refused(text) | Self::Unprocessable(text) => text.clone(),
            Self::RateLimited => "Rate Limit Exceeded".into(),
            Self::InjectedError(fault) => fault.detail.clone(),
            Self::Busy => "The database is busy, try again".into(),
            Self::Internal(_) => "An unknown error occurred.".into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Closed => Self::Busy,
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
