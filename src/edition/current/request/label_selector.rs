//! `label_selector` (reference: packages-api.md §1.6).

use crate::edition::ruby::query_string::Value;
use crate::labels::{key_fault, value_fault};
use crate::listing::request::LabelRequirement;

const MISSING: &str = "Missing label_selector value";
const INVALID: &str = "Invalid label_selector value";
const MOST: usize = 50;

/// The requirements that a selector makes, or all its faults.
pub fn read(value: &Value) -> Result<Vec<LabelRequirement>, Vec<String>> {
    let text = match value {
        Value::Null => "",
        Value::Text(text) => text,
        Value::Array(_) | Value::Map(_) => return Err(vec![INVALID.to_owned()]),
    };
    let pieces = pieces(text);
    if pieces.is_empty() {
        return Err(vec![MISSING.to_owned()]);
    }
    if pieces.len() > MOST {
        return Err(vec![format!(
            "Too many label_selector requirements (maximum is {MOST})"
        )]);
    }
    let mut requirements = Vec::with_capacity(pieces.len());
    let mut faults = Vec::new();
    for piece in pieces {
        match requirement(piece) {
            Ok(requirement) => requirements.push(requirement),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        Ok(requirements)
    } else {
        Err(faults)
    }
}

/// Splits at commas that are not between `(` and the next `)` of the same line; empty pieces vanish.
fn pieces(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut at = 0;
    // Where the search for `)` ended last: it holds for every `(` before it, so that no byte is searched twice.
    let mut end_of_search = 0;
    while at < bytes.len() {
        match bytes[at] {
            b',' => {
                pieces.push(&text[start..at]);
                start = at + 1;
            }
            b'(' => {
                end_of_search = end_of_search.max(at + 1);
                while !matches!(bytes.get(end_of_search), None | Some(b')' | b'\n')) {
                    end_of_search += 1;
                }
                if bytes.get(end_of_search) == Some(&b')') {
                    at = end_of_search;
                }
            }
            _ => {}
        }
        at += 1;
    }
    pieces.push(&text[start..]);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn requirement(piece: &str) -> Result<LabelRequirement, String> {
    let requirement = parse(piece).ok_or_else(|| INVALID.to_owned())?;
    let values = requirement.values.iter().flatten();
    match key_fault(&requirement.key).or_else(|| values.map(String::as_str).find_map(value_fault)) {
        Some(fault) => Err(fault),
        None => Ok(requirement),
    }
}

/// The forms in the order in which they are tried. None of them spans lines.
fn parse(piece: &str) -> Option<LabelRequirement> {
    if piece.contains('\n') {
        return None;
    }
    for (word, negated) in [(" in (", false), (" notin (", true)] {
        if let Some((key, values)) = piece.split_once(word)
            && let Some(values) = values.strip_suffix(')')
        {
            return Some(any_of(key, values, negated));
        }
    }
    let (key, rest) = split_key(piece);
    if !key.is_empty() {
        return match rest {
            "" => Some(present(key, false)),
            _ => match rest.strip_prefix("!=") {
                Some(value) => Some(any_of(key, value, true)),
                None => rest
                    .strip_prefix("==")
                    .or_else(|| rest.strip_prefix('='))
                    .map(|value| any_of(key, value, false)),
            },
        };
    }
    match split_key(piece.strip_prefix('!')?) {
        ("", _) => None,
        (key, "") => Some(present(key, true)),
        _ => None,
    }
}

/// The characters of a key that stand at the start, and what follows them.
fn split_key(text: &str) -> (&str, &str) {
    let end = text.find(|character: char| {
        !character.is_ascii_alphanumeric() && !matches!(character, '_' | '-' | '.' | '/')
    });
    text.split_at(end.unwrap_or(text.len()))
}

/// Values are split at commas; empty ones at the end are dropped, so that `key=` has none and matches nothing.
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

fn present(key: &str, negated: bool) -> LabelRequirement {
    LabelRequirement {
        key: key.to_owned(),
        values: None,
        negated,
    }
}
