//! Errors as `2015` writes them: one object. See `docs/reference/errors.md#envelopes`.

use serde::Serialize;

use super::json::write_pretty;
use crate::error::ApiError;

#[derive(Serialize)]
struct ErrorDocument<'a> {
    code: u32,
    description: &'a str,
    error_code: &'a str,
}

/// A 500 has its keys in another order. See `docs/reference/errors.md#unexpected-failures`.
#[derive(Serialize)]
struct UnexpectedErrorDocument<'a> {
    error_code: &'a str,
    description: &'a str,
    code: u32,
}

/// Returns the document of an error.
pub fn document(error: &ApiError) -> Vec<u8> {
    let (code, error_code) = (error.code(), error.title());
    let mut description = error.detail();
    if let ApiError::Unprocessable(_) = error {
        description.insert_str(0, "The request is semantically invalid: ");
    }
    let description = description.as_str();
    let mut out = Vec::with_capacity(256);
    if let ApiError::Internal(_) = error {
        let document = UnexpectedErrorDocument {
            error_code,
            description,
            code,
        };
        write_pretty(&mut out, &document, 0);
    } else {
        let document = ErrorDocument {
            code,
            description,
            error_code,
        };
        write_pretty(&mut out, &document, 0);
    }
    out
}
