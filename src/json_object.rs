//! JSON texts that have to be objects.

use serde::de::{DeserializeOwned, Error};

/// Parses `text` as a JSON object. serde alone would also accept an array with the values of the fields.
///
/// # Errors
///
/// Fails if `text` is not JSON, is an array, or does not fit `T`.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    if text.trim_ascii_start().starts_with(b"[") {
        return Err(Error::custom("expected an object, not an array"));
    }
    serde_json::from_slice(text)
}
