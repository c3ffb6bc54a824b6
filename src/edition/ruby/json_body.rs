//! JSON bodies as Rails passes them to a controller's message classes, and the checks that those classes share.

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::json_object::has_null_character;
use crate::labels::is_blank;

/// The members of a JSON object, in the order of the request. Of a repeated name, the last value counts.
pub type JsonObject = Map<String, Value>;

/// The longest guid that a request may name, in characters.
const LONGEST_GUID: usize = 200;

/// Parses the body of a request. An empty body is an empty object.
///
/// # Errors
///
/// Fails with `NotJson` if the body is not a JSON object, and with `Unprocessable` if it holds U+0000, which is stored
/// nowhere.
pub fn parse(body: &[u8]) -> Result<JsonObject, ApiError> {
    if body.is_empty() {
        return Ok(JsonObject::new());
    }
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return Err(ApiError::NotJson);
    };
    if has_null_character(&object) {
        let text = "The request must not contain the character U+0000";
        return Err(ApiError::Unprocessable(text.into()));
    }
    Ok(object)
}

/// Returns the message about members with other names than these, if there are any.
pub fn unknown_fields(object: &JsonObject, known: &[&str]) -> Option<String> {
    let unknown: Vec<_> = object
        .keys()
        .map(String::as_str)
        .filter(|name| !known.contains(name))
        .collect();
    (!unknown.is_empty()).then(|| format!("Unknown field(s): '{}'", unknown.join("', '")))
}

/// Returns a member; `None` if it is null or not there.
pub fn member<'v>(object: &'v JsonObject, name: &str) -> Option<&'v Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// Returns Rails' `value.blank?`.
pub fn is_blank_value(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::String(text)) => is_blank(text),
        Some(Value::Array(values)) => values.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
        Some(Value::Bool(true) | Value::Number(_)) => false,
    }
}

/// Returns the guid that a request names, or adds what is wrong with it to `errors`, after the name of the attribute.
pub fn guid(attribute: &str, value: Option<&Value>, errors: &mut Vec<String>) -> Option<String> {
    let text = value.and_then(Value::as_str);
    if text.is_none() {
        errors.push(format!("{attribute} must be a string"));
    }
    let valid = text.filter(|text| (1..=LONGEST_GUID).contains(&text.chars().count()));
    if valid.is_none() {
        errors.push(format!(
            "{attribute} must be between 1 and {LONGEST_GUID} characters"
        ));
    }
    valid.map(str::to_owned)
}

/// Returns a text; `None` if it is null or not there. Another value adds a message to `errors`.
pub fn optional_text(
    attribute: &str,
    value: Option<&Value>,
    errors: &mut Vec<String>,
) -> Option<String> {
    match value {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => {
            errors.push(format!("{attribute} must be a string"));
            None
        }
    }
}

/// Returns a text that is not blank. Otherwise adds messages to `errors`.
pub fn required_text(
    attribute: &str,
    value: Option<&Value>,
    errors: &mut Vec<String>,
) -> Option<String> {
    let text = value.and_then(Value::as_str);
    if text.is_none() {
        errors.push(format!("{attribute} must be a string"));
    }
    if is_blank_value(value) {
        errors.push(format!("{attribute} required"));
        return None;
    }
    text.map(str::to_owned)
}

/// Fails with all messages in one error, if there are any.
///
/// # Errors
///
/// Fails with `Unprocessable`.
pub fn refuse(errors: Vec<String>) -> Result<(), ApiError> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::Unprocessable(errors.join(", ")))
}
