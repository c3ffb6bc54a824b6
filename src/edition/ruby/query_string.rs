//! A query string as the controllers' frameworks read it: names, shapes, values, in order of first appearance.

use std::collections::HashMap;

use crate::error::ApiError;

/// How deep a name may nest, `a[b][c]…`: the frameworks' own limit.
const DEEPEST: usize = 100;

/// In what the frameworks of the editions differ.
#[derive(Debug)]
pub struct QueryStringRules {
    /// What separates pairs.
    pub separators: &'static [char],
    /// Brackets before a name, and stray `]` after it, are not part of it.
    pub stray_brackets_ignored: bool,
}

/// What a parameter was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `name`
    Null,
    /// `name=`, `name=text`; of several the last.
    Text(String),
    /// `name[]=a&name[]=b`
    Array(Vec<Value>),
    /// `name[key]=a`
    Map(Fields),
}

/// Names and their values, in order of each name's first appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    entries: Vec<(String, Value)>,
    places: HashMap<String, usize>,
}

impl Fields {
    /// The value of that name, if the name was there.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let place = *self.places.get(name)?;
        self.entries.get(place).map(|(_, value)| value)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// The names that are not among `known`.
    pub fn unknown<'f>(&'f self, known: &[&str]) -> Vec<&'f str> {
        self.iter()
            .map(|(name, _)| name)
            .filter(|name| !known.contains(name))
            .collect()
    }

    /// Where the value of that name stands; a new name starts as null, which any shape may replace.
    fn slot(&mut self, name: &str) -> &mut Value {
        let place = match self.places.get(name) {
            Some(place) => *place,
            None => {
                self.places.insert(name.to_owned(), self.entries.len());
                self.entries.push((name.to_owned(), Value::Null));
                self.entries.len() - 1
            }
        };
        &mut self.entries[place].1
    }

    /// Whether the path that a nested name spells is there.
    fn holds(&self, name: &str) -> bool {
        if name.contains("[]") {
            return false;
        }
        let mut fields = Some(self);
        for part in name.split(['[', ']']).filter(|part| !part.is_empty()) {
            let Some(value) = fields.and_then(|fields| fields.get(part)) else {
                return false;
            };
            fields = match value {
                Value::Map(inner) => Some(inner),
                _ => None,
            };
        }
        true
    }
}

/// Reads a query string (reference: packages-api.md §1.3, separators, shapes and repeated parameters).
///
/// A malformed escape, bytes that are not UTF-8 and shapes that contradict each other are
/// [`ApiError::InvalidRequest`].
pub fn parse(query: &str, rules: &QueryStringRules) -> Result<Fields, ApiError> {
    let mut fields = Fields::default();
    for piece in query.split(rules.separators) {
        let (name, value) = match piece.split_once('=') {
            Some((name, value)) => (decode(name)?, Value::Text(decode(value)?)),
            None => (decode(piece)?, Value::Null),
        };
        store(&mut fields, &name, value, rules, 0)?;
    }
    Ok(fields)
}

/// `+` is a space, `%XX` a byte.
fn decode(text: &str) -> Result<String, ApiError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => match (hex_digit(bytes.next()), hex_digit(bytes.next())) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(ApiError::InvalidRequest),
            },
            byte => byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| ApiError::InvalidRequest)
}

fn hex_digit(byte: Option<u8>) -> Option<u8> {
    let digit = char::from(byte?).to_digit(16)?;
    u8::try_from(digit).ok()
}

/// Puts `value` where the name, at this depth of its brackets, says.
fn store(
    fields: &mut Fields,
    name: &str,
    value: Value,
    rules: &QueryStringRules,
    depth: usize,
) -> Result<(), ApiError> {
    if depth >= DEEPEST {
        return Err(ApiError::InvalidRequest);
    }
    let (key, after) = split(name, rules, depth);
    if key.is_empty() {
        return Ok(());
    }
    match after {
        "" => *fields.slot(key) = value,
        "[" => *fields.slot(name) = value,
        "[]" => {
            let values = array(fields.slot(key))?;
            // A null in an array is dropped, the array stays.
            if value != Value::Null {
                values.push(value);
            }
        }
        _ => match after.strip_prefix("[]") {
            Some(rest) => push(
                array(fields.slot(key))?,
                child_key(rest),
                value,
                rules,
                depth,
            )?,
            None => store(map(fields.slot(key))?, after, value, rules, depth + 1)?,
        },
    }
    Ok(())
}

/// The outermost name, and the brackets after it.
fn split<'n>(name: &'n str, rules: &QueryStringRules, depth: usize) -> (&'n str, &'n str) {
    if rules.stray_brackets_ignored {
        let name = name.trim_start_matches(['[', ']']);
        let (key, after) = name.split_at(name.find(['[', ']']).unwrap_or(name.len()));
        return (key, after.trim_start_matches(']'));
    }
    if depth == 0 {
        // A bracket at the very start opens nothing.
        let open = name.bytes().skip(1).position(|byte| byte == b'[');
        return name.split_at(open.map_or(name.len(), |open| open + 1));
    }
    let inner = name.strip_prefix('[').and_then(|rest| {
        let close = rest.find(']').filter(|close| *close > 0)?;
        Some((&rest[..close], &rest[close + 1..]))
    });
    inner.unwrap_or((name, ""))
}

/// What `name[][key]` and `name[]key` call the entry of the map in the array.
fn child_key(rest: &str) -> &str {
    rest.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .filter(|key| !key.is_empty() && !key.contains(['[', ']']))
        .unwrap_or(rest)
}

/// Into the last map of the array, or into a new one where that has the key already.
fn push(
    values: &mut Vec<Value>,
    key: &str,
    value: Value,
    rules: &QueryStringRules,
    depth: usize,
) -> Result<(), ApiError> {
    if key == "[]" {
        values.push(Value::Array(vec![value]));
        return Ok(());
    }
    if let Some(Value::Map(last)) = values.last_mut()
        && !last.holds(key)
    {
        return store(last, key, value, rules, depth + 1);
    }
    let mut fields = Fields::default();
    store(&mut fields, key, value, rules, depth + 1)?;
    values.push(Value::Map(fields));
    Ok(())
}

fn array(value: &mut Value) -> Result<&mut Vec<Value>, ApiError> {
    if *value == Value::Null {
        *value = Value::Array(Vec::new());
    }
    match value {
        Value::Array(values) => Ok(values),
        _ => Err(ApiError::InvalidRequest),
    }
}

fn map(value: &mut Value) -> Result<&mut Fields, ApiError> {
    if *value == Value::Null {
        *value = Value::Map(Fields::default());
    }
    match value {
        Value::Map(fields) => Ok(fields),
        _ => Err(ApiError::InvalidRequest),
    }
}

#[cfg(test)]
mod tests;
