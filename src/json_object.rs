//! JSON text that must be one object.

use serde::de::{DeserializeOwned, Error};

/// Parses `text` as one JSON object. serde alone would also accept an array of the fields' values.
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
