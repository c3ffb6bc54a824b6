//! Labels and annotations as they are stored: a JSON object of text, in the order given.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

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
    /// Fails if `stored` is not a JSON object of text.
    pub fn parse(stored: &'a str) -> serde_json::Result<Self> {
        if stored == Self::EMPTY {
            return Ok(Self::default());
        }
        serde_json::from_str(stored)
    }

    /// Parses the column `column` of the row `guid` of `table`.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Damaged`] if `stored` is not a JSON object of text.
    pub fn of_column(
        table: &str,
        guid: &str,
        column: &str,
        stored: &'a str,
    ) -> Result<Self, StoreError> {
        Self::parse(stored).map_err(|error| {
            StoreError::Damaged(format!(
                "`{column}` of the row `{guid}` in `{table}`: {error}"
            ))
        })
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
                        pairs.push((key, value));
                    }
                }
                Ok(Metadata(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// Text that is borrowed from the input unless it contains escapes.
#[derive(serde::Deserialize)]
pub(crate) struct BorrowedText<'a>(#[serde(borrow)] pub Cow<'a, str>);
