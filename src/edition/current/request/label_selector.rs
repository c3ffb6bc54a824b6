//! `label_selector`. See `docs/reference/label-selectors.md`.

use crate::edition::ruby::query_string::QueryValue;
use crate::labels::{key_fault, value_fault};
use crate::listing::request::LabelRequirement;

const MISSING: &str = "Missing label_selector value";
const INVALID: &str = "Invalid label_selector value";
const MAX_REQUIREMENTS: usize = 50;

/// Returns the requirements of a selector.
///
/// # Errors
///
/// Fails with the first message of each wrong requirement, or with one message about the whole selector.
pub fn parse(value: &QueryValue) -> Result<Vec<LabelRequirement>, Vec<String>> {
    let text = match value {
        QueryValue::Null => "",
        QueryValue::Text(text) => text,
        QueryValue::Array(_) | QueryValue::Map(_) => return Err(vec![INVALID.to_owned()]),
    };
    let texts = split(text);
    if texts.is_empty() {
        return Err(vec![MISSING.to_owned()]);
    }
    if texts.len() > MAX_REQUIREMENTS {
        return Err(vec![format!(
            "Too many label_selector requirements (maximum is {MAX_REQUIREMENTS})"
        )]);
    }
    let mut requirements = Vec::with_capacity(texts.len());
    let mut errors = Vec::new();
    for text in texts {
        match parse_requirement(text) {
            Ok(requirement) => requirements.push(requirement),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(requirements)
    } else {
        Err(errors)
    }
}

/// Splits at commas, except between `(` and the next `)` on the same line. Empty texts are dropped.
///
/// A controller does this with the regular expression `(?:\(.*?\)|[^,])+`.
fn split(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut texts = Vec::new();
    let mut start = 0;
    let mut index = 0;
    // Where the last search for `)` ended, which is also its result for every `(` before that place. So no byte is
    // searched twice.
    let mut searched = 0;
    while index < bytes.len() {
        match bytes[index] {
            b',' => {
                texts.push(&text[start..index]);
                start = index + 1;
            }
            b'(' => {
                searched = searched.max(index + 1);
                while !matches!(bytes.get(searched), None | Some(b')' | b'\n')) {
                    searched += 1;
                }
                if bytes.get(searched) == Some(&b')') {
                    index = searched;
                }
            }
            _ => {}
        }
        index += 1;
    }
    texts.push(&text[start..]);
    texts.retain(|text| !text.is_empty());
    texts
}

/// Parses one requirement and validates its key and values.
fn parse_requirement(text: &str) -> Result<LabelRequirement, String> {
    let requirement = match_form(text).ok_or_else(|| INVALID.to_owned())?;
    let values = requirement.values.iter().flatten();
    match key_fault(&requirement.key).or_else(|| values.map(String::as_str).find_map(value_fault)) {
        Some(error) => Err(error),
        None => Ok(requirement),
    }
}

/// Matches the forms in the order of `docs/reference/label-selectors.md#grammar`. No form matches a line break.
fn match_form(text: &str) -> Option<LabelRequirement> {
    if text.contains('\n') {
        return None;
    }
    for (operator, negated) in [(" in (", false), (" notin (", true)] {
        if let Some((key, values)) = text.split_once(operator)
            && let Some(values) = values.strip_suffix(')')
        {
            return Some(any_of(key, values, negated));
        }
    }
    let (key, rest) = split_key(text);
    if !key.is_empty() {
        return match rest {
            "" => Some(exists(key, false)),
            _ => match rest.strip_prefix("!=") {
                Some(value) => Some(any_of(key, value, true)),
                None => rest
                    .strip_prefix("==")
                    .or_else(|| rest.strip_prefix('='))
                    .map(|value| any_of(key, value, false)),
            },
        };
    }
    match split_key(text.strip_prefix('!')?) {
        ("", _) => None,
        (key, "") => Some(exists(key, true)),
        _ => None,
    }
}

/// Splits off the longest prefix of characters that a key may hold.
fn split_key(text: &str) -> (&str, &str) {
    let end = text.find(|character: char| {
        !character.is_ascii_alphanumeric() && !matches!(character, '_' | '-' | '.' | '/')
    });
    text.split_at(end.unwrap_or(text.len()))
}

/// Returns a requirement of one of the values in a comma list. Empty values at its end are dropped, so `key=` has no
/// values and matches nothing.
fn any_of(key: &str, values: &str, negated: bool) -> LabelRequirement {
    let values = values.trim_end_matches(',');
    let values = match values {
        "" => Vec::new(),
        values => values.split(',').map(str::to_owned).collect(),
    };
    LabelRequirement {
        key: key.to_owned(),
        values: Some(values),
        negated,
    }
}

/// Returns a requirement that the label exists, with any value.
fn exists(key: &str, negated: bool) -> LabelRequirement {
    LabelRequirement {
        key: key.to_owned(),
        values: None,
        negated,
    }
}
