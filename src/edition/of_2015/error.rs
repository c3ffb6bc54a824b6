//! Refusals as the v3 API of 2015 wrote them: one object, pretty (packages-api.md §0.1).

use serde::Serialize;

use crate::edition::json::pretty;
use crate::error::ApiError;

#[derive(Serialize)]
struct ErrorDocument<'a> {
    code: u32,
    description: &'a str,
    error_code: &'a str,
}

/// What no controller expected has its keys in another order.
#[derive(Serialize)]
struct UnknownErrorDocument<'a> {
    error_code: &'a str,
    description: &'a str,
    code: u32,
}

/// The error's document.
pub fn error(error: &ApiError) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let (code, error_code) = (error.code(), error.title());
    let description = error.detail();
    match error {
        ApiError::Internal(_) => pretty(
            &mut out,
            &UnknownErrorDocument {
                error_code,
                description: &description,
                code,
            },
            0,
        ),
        ApiError::Unprocessable(_) => {
            let description = format!("The request is semantically invalid: {description}");
            let description = description.as_str();
            pretty(
                &mut out,
                &ErrorDocument {
                    code,
                    description,
                    error_code,
                },
                0,
            );
        }
        _ => pretty(
            &mut out,
            &ErrorDocument {
                code,
                description: &description,
                error_code,
            },
            0,
        ),
    }
    out
}
