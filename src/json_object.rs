//! JSON texts that have to be objects.

use serde::de::{DeserializeOwned, Error};
use serde_json::{Map, Value};

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

/// Parses the body of a request as a JSON object. The error of a field begins with its name.
///
/// # Errors
///
/// Fails as [`parse`] does.
pub fn parse_request<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    if body.trim_ascii_start().starts_with(b"[") {
        return parse(body);
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if error.is_data() && path != "." && !error.to_string().starts_with("unknown field") {
            Error::custom(format!("{path}: {error}"))
        } else {
            error
        }
    })?;
    json.end()?;
    Ok(value)
}

/// Returns whether a name or a text in the object contains U+0000, which is stored nowhere.
pub fn has_null_character(object: &Map<String, Value>) -> bool {
    fn is_in(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains('\0'),
            Value::Array(values) => values.iter().any(is_in),
            Value::Object(members) => has_null_character(members),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
    object
        .iter()
        .any(|(name, value)| name.contains('\0') || is_in(value))
}
