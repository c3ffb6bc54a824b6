//! Labels and annotations as they are stored: a JSON object of text, in the order given.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::labels::PairRules;
use crate::store::StoreError;

/// Pairs of key and value in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata<'a>(pub Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Metadata<'a> {
    /// The JSON text of no pairs.
    pub const EMPTY: &'static str = "{}";

    /// Parses the JSON text of a column.
    ///
    /// # Errors
    ///
    /// Fails if `stored` is not a JSON object of text, or if a key appears twice or a text contains U+0000.
    pub fn parse(stored: &'a str) -> serde_json::Result<Self> {
        if stored == Self::EMPTY {
            return Ok(Self::default());
        }
        serde_json::from_str(stored)
    }

    /// Parses the labels or the annotations of the row `guid` of `table`.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Damaged`] like [`parse`](Self::parse), or if a value breaks the rules.
    pub fn of_column(
        table: &str,
        guid: &str,
        rules: PairRules,
        stored: &'a str,
    ) -> Result<Self, StoreError> {
        let damaged = |fault: &dyn fmt::Display| {
            let what = rules.what;
            StoreError::Damaged(format!(
                "`{what}s` of the row `{guid}` in `{table}`: {fault}"
            ))
        };
        let parsed = Self::parse(stored).map_err(|error| damaged(&error))?;
        let mut values = parsed.0.iter().map(|(_, value)| value);
        match values.find_map(|value| (rules.value_fault)(value)) {
            None => Ok(parsed),
            Some(fault) => Err(damaged(&fault)),
        }
    }

    /// Returns the JSON text for a column, without blanks.
    pub fn to_json(&self) -> Cow<'static, str> {
        if self.0.is_empty() {
            return Cow::Borrowed(Self::EMPTY);
        }
        let json = serde_json::to_string(self).expect("an object of text is always valid JSON");
        Cow::Owned(json)
    }
}

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Metadata<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Metadata<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((BorrowedText(key), value)) =
                    map.next_entry::<_, Option<BorrowedText<'de>>>()?
                {
                    // Only another program can have stored null. It means that the key has no value.
                    if let Some(BorrowedText(value)) = value {
                        if key.contains('\0') || value.contains('\0') {
                            return Err(A::Error::custom("a text contains U+0000"));
                        }
                        pairs.push((key, value));
                    }
                }
                match key_twice(&pairs) {
                    None => Ok(Metadata(pairs)),
                    Some(key) => Err(A::Error::custom(format!("the key `{key}` appears twice"))),
                }
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// Returns a key that appears more than once.
fn key_twice<'p>(pairs: &'p [(Cow<'_, str>, Cow<'_, str>)]) -> Option<&'p str> {
    if pairs.len() < 2 {
        return None;
    }
    let mut keys: Vec<&str> = pairs.iter().map(|(key, _)| &**key).collect();
    keys.sort_unstable();
    let twice = keys.windows(2).find(|two| two[0] == two[1])?;
    Some(twice[0])
}

/// Text that is borrowed from the input unless it contains escapes.
#[derive(serde::Deserialize)]
struct BorrowedText<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_of_text_with_each_key_once_is_refused() {
        for stored in [
            "",
            "{",
            "[]",
            "null",
            "\"{}\"",
            "{\"a\":1}",
            "{\"a\":{}}",
            "{\"a\":\"b\"",
            "{}}",
            "{a:\"b\"}",
            "{\"a\":\"b\",\"c\":\"d\",\"\\u0061\":\"b\"}",
            "{\"a\":\"\\u0000\"}",
            "{\"\\u0000\":\"a\"}",
        ] {
            assert!(Metadata::parse(stored).is_err(), "{stored}");
        }
    }
}
