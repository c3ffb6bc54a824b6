//! Refusals as today's v3 API writes them: a list of one, compact (packages-api.md §0.1).

use serde::Serialize;

use crate::edition::json::compact;
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

/// What no controller expected has its keys in another order.
#[derive(Serialize)]
struct UnknownErrorDocument<'a> {
    title: &'a str,
    detail: &'a str,
    code: u32,
}

/// The error's document.
pub fn error(error: &ApiError) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let (title, detail, code) = (error.title(), &error.detail(), error.code());
    match error {
        ApiError::Internal(_) => compact(
            &mut out,
            &ErrorsDocument {
                errors: [UnknownErrorDocument {
                    title,
                    detail,
                    code,
                }],
            },
        ),
        _ => compact(
            &mut out,
            &ErrorsDocument {
                errors: [ErrorDocument {
                    detail,
                    title,
                    code,
                }],
            },
        ),
    }
    out
}
