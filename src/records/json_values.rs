//! Columns that hold JSON other than labels: arrays of text, and objects. `check` and the documents parse them alike.

use serde::de::Error;
use serde_json::{Map, Value};

use crate::json_object::has_null_character;

/// Parses a JSON array of text.
///
/// # Errors
///
/// Fails if `stored` is not one, or if a text contains U+0000.
pub fn texts(stored: &str) -> serde_json::Result<Vec<String>> {
    let texts: Vec<String> = serde_json::from_str(stored)?;
    if texts.iter().any(|text| text.contains('\0')) {
        return Err(Error::custom("a text contains U+0000"));
    }
    Ok(texts)
}

/// Parses a JSON object.
///
/// # Errors
///
/// Fails if `stored` is not one, or if a text in it contains U+0000.
pub fn object(stored: &str) -> serde_json::Result<Map<String, Value>> {
    let object = serde_json::from_str(stored)?;
    if has_null_character(&object) {
        return Err(Error::custom("a text contains U+0000"));
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_arrays_of_text_without_a_null_character_are_texts() {
        assert_eq!(texts("[]").expect("an array"), Vec::<String>::new());
        assert_eq!(texts(r#"["a","\u0062"]"#).expect("an array"), ["a", "b"]);
        for stored in [
            "",
            "{}",
            "null",
            "[1]",
            "[null]",
            r#"["a"] []"#,
            r#"["\u0000"]"#,
        ] {
            assert!(texts(stored).is_err(), "{stored}");
        }
    }

    #[test]
    fn only_objects_without_a_null_character_are_objects() {
        for stored in ["{}", r#"{"a":1,"b":[{"c":"d"}]}"#] {
            assert!(object(stored).is_ok(), "{stored}");
        }
        for stored in [
            "",
            "[7]",
            "null",
            "{",
            r#"{"\u0000":1}"#,
            r#"{"a":[{"b":"\u0000"}]}"#,
        ] {
            assert!(object(stored).is_err(), "{stored}");
        }
    }
}
