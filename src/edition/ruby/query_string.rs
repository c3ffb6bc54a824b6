//! Rack's `parse_nested_query`, with which Rails reads a query string: names with brackets become arrays and hashes.
//!
//! `2015` uses Rack 1.6 and `current` uses Rack 3.2. [`QueryStringRules`] holds the differences. No crate treats
//! repeated names, missing values and unmatched brackets as Rack does.
//!
//! See `docs/reference/query-parameters.md#separators-and-empty-pieces`.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use crate::error::ApiError;

/// How many levels of brackets a name may have, which is Rack's own limit.
const MAX_DEPTH: usize = 100;

/// The differences between the Rack versions of the editions.
#[derive(Debug)]
pub struct QueryStringRules {
    /// The characters that separate pairs.
    pub separators: &'static [char],
    /// Whether brackets before a name, and an unmatched `]` after it, are dropped instead of being part of the name.
    pub ignores_stray_brackets: bool,
}

impl QueryStringRules {
    /// The rules of `2015`.
    pub const RACK_1_6: Self = Self {
        separators: &['&', ';'],
        ignores_stray_brackets: true,
    };
    /// The rules of `current`.
    pub const RACK_3_2: Self = Self {
        separators: &['&'],
        ignores_stray_brackets: false,
    };
}

/// The value of a query parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryValue {
    /// `name`, without `=`.
    Null,
    /// `name=` or `name=text`. If the name is repeated, the last value.
    Text(String),
    /// `name[]=a&name[]=b`.
    Array(Vec<QueryValue>),
    /// `name[key]=a`.
    Map(QueryFields),
}

/// Parameters by name, in the order in which each name first appeared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryFields {
    entries: Vec<(String, QueryValue)>,
    /// The index in `entries` of each name, so that a query of many names is read in linear time.
    index: HashMap<String, usize>,
}

impl QueryFields {
    /// Returns the value of `name`, if the parameter was given.
    pub fn get(&self, name: &str) -> Option<&QueryValue> {
        let index = *self.index.get(name)?;
        self.entries.get(index).map(|(_, value)| value)
    }

    /// Returns all names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &QueryValue)> {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// Returns the names that are not in `known`.
    pub fn unknown<'f>(&'f self, known: &[&str]) -> Vec<&'f str> {
        self.iter()
            .map(|(name, _)| name)
            .filter(|name| !known.contains(name))
            .collect()
    }

    /// Returns the value of `name`, after adding it as null if it is new. Any shape may replace null.
    fn entry(&mut self, name: &str) -> &mut QueryValue {
        let index = match self.index.get(name) {
            Some(index) => *index,
            None => {
                self.index.insert(name.to_owned(), self.entries.len());
                self.entries.push((name.to_owned(), QueryValue::Null));
                self.entries.len() - 1
            }
        };
        &mut self.entries[index].1
    }

    /// Whether the fields already contain a value at the nested name `name`.
    fn contains_nested(&self, name: &str) -> bool {
        if name.contains("[]") {
            return false;
        }
        let mut fields = Some(self);
        for key in name.split(['[', ']']).filter(|key| !key.is_empty()) {
            let Some(value) = fields.and_then(|fields| fields.get(key)) else {
                return false;
            };
            fields = match value {
                QueryValue::Map(inner) => Some(inner),
                _ => None,
            };
        }
        true
    }
}

/// Parses a query string, without its `?`.
///
/// # Errors
///
/// Fails with [`ApiError::InvalidRequest`] if an escape is malformed, if a name or value is not UTF-8, if a name has
/// conflicting shapes, or if it has more than 100 levels of brackets.
pub fn parse(query: &str, rules: &QueryStringRules) -> Result<QueryFields, ApiError> {
    let mut fields = QueryFields::default();
    for pair in query.split(rules.separators) {
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (decode(name)?, QueryValue::Text(decode(value)?)),
            None => (decode(pair)?, QueryValue::Null),
        };
        insert(&mut fields, &name, value, rules, 0)?;
    }
    Ok(fields)
}

/// Decodes `+` and `%XX`. Unlike `percent_encoding`, Rack refuses a `%` without two hexadecimal digits.
fn decode(text: &str) -> Result<String, ApiError> {
    let is_escape = |after_percent: &str| {
        let digits = after_percent.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_escape) {
        return Err(ApiError::InvalidRequest);
    }
    let text = text.replace('+', " ");
    match percent_decode_str(&text).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(ApiError::InvalidRequest),
    }
}

/// Inserts `value` under the nested name `name`. `depth` counts the levels of brackets above it.
fn insert(
    fields: &mut QueryFields,
    name: &str,
    value: QueryValue,
    rules: &QueryStringRules,
    depth: usize,
) -> Result<(), ApiError> {
    if depth >= MAX_DEPTH {
        return Err(ApiError::InvalidRequest);
    }
    let (key, rest) = split_name(name, rules, depth);
    if key.is_empty() {
        return Ok(());
    }
    match rest {
        "" => *fields.entry(key) = value,
        "[" => *fields.entry(name) = value,
        "[]" => {
            let values = as_array(fields.entry(key))?;
            // A null adds no element, but the array exists.
            if value != QueryValue::Null {
                values.push(value);
            }
        }
        _ => match rest.strip_prefix("[]") {
            Some(rest) => insert_in_array(
                as_array(fields.entry(key))?,
                element_key(rest),
                value,
                rules,
                depth,
            )?,
            None => insert(as_map(fields.entry(key))?, rest, value, rules, depth + 1)?,
        },
    }
    Ok(())
}

/// Splits a name into its outermost key and the brackets after it.
fn split_name<'n>(name: &'n str, rules: &QueryStringRules, depth: usize) -> (&'n str, &'n str) {
    if rules.ignores_stray_brackets {
        let name = name.trim_start_matches(['[', ']']);
        let (key, rest) = name.split_at(name.find(['[', ']']).unwrap_or(name.len()));
        return (key, rest.trim_start_matches(']'));
    }
    if depth == 0 {
        // A bracket at the very start is part of the key.
        let open = name.bytes().skip(1).position(|byte| byte == b'[');
        return name.split_at(open.map_or(name.len(), |open| open + 1));
    }
    let inner = name.strip_prefix('[').and_then(|rest| {
        let close = rest.find(']').filter(|close| *close > 0)?;
        Some((&rest[..close], &rest[close + 1..]))
    });
    inner.unwrap_or((name, ""))
}

/// Returns the key inside an element of an array, for the `rest` of `name[]rest`: `[key]` and `key` are the same.
fn element_key(rest: &str) -> &str {
    rest.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .filter(|key| !key.is_empty() && !key.contains(['[', ']']))
        .unwrap_or(rest)
}

/// Inserts `value` under `key` in the last map of the array, or in a new map if the last one has the key already.
fn insert_in_array(
    values: &mut Vec<QueryValue>,
    key: &str,
    value: QueryValue,
    rules: &QueryStringRules,
    depth: usize,
) -> Result<(), ApiError> {
    if key == "[]" {
        values.push(QueryValue::Array(vec![value]));
        return Ok(());
    }
    if let Some(QueryValue::Map(last)) = values.last_mut()
        && !last.contains_nested(key)
    {
        return insert(last, key, value, rules, depth + 1);
    }
    let mut fields = QueryFields::default();
    insert(&mut fields, key, value, rules, depth + 1)?;
    values.push(QueryValue::Map(fields));
    Ok(())
}

fn as_array(value: &mut QueryValue) -> Result<&mut Vec<QueryValue>, ApiError> {
    if *value == QueryValue::Null {
        *value = QueryValue::Array(Vec::new());
    }
    match value {
        QueryValue::Array(values) => Ok(values),
        _ => Err(ApiError::InvalidRequest),
    }
}

fn as_map(value: &mut QueryValue) -> Result<&mut QueryFields, ApiError> {
    if *value == QueryValue::Null {
        *value = QueryValue::Map(QueryFields::default());
    }
    match value {
        QueryValue::Map(fields) => Ok(fields),
        _ => Err(ApiError::InvalidRequest),
    }
}

#[cfg(test)]
mod tests;
