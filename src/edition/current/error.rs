//! Errors as `current` writes them: a list of one object. See `docs/reference/errors.md#envelopes`.

use serde::Serialize;

use super::json::write_compact;
use crate::error::ApiError;

#[derive(Serialize)]
struct ErrorsDocument<T> {
    errors: [T; 1],
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    detail: &'a str,
    title: &'a str,
    code: u32,
}

/// A 500 has its keys in another order. See `docs/reference/errors.md#unexpected-failures`.
#[derive(Serialize)]
struct UnexpectedErrorDocument<'a> {
    title: &'a str,
    detail: &'a str,
    code: u32,
}

/// Returns the document of an error.
pub fn document(error: &ApiError) -> Vec<u8> {
    let (title, detail, code) = (error.title(), &error.detail(), error.code());
    let mut out = Vec::with_capacity(256);
    if let ApiError::Internal(_) = error {
        let errors = [UnexpectedErrorDocument {
            title,
            detail,
            code,
        }];
        write_compact(&mut out, &ErrorsDocument { errors });
    } else {
        let errors = [ErrorDocument {
            detail,
            title,
            code,
        }];
        write_compact(&mut out, &ErrorsDocument { errors });
    }
    out
}
