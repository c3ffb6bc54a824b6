//! Labels and annotations: pairs in the order given, with the controller's rules for keys and values.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::fault::quoted;
use super::field::Text;

/// What tells labels from annotations.
pub(super) trait Rules {
    const WHAT: &'static str;
    fn value(text: &str) -> Result<(), String>;
}

/// Rules of labels.
#[derive(Debug)]
pub(super) enum Label {}

/// Rules of annotations.
#[derive(Debug)]
pub(super) enum Annotation {}

/// No rules: for what was checked when it was stored.
#[derive(Debug)]
pub(super) enum Stored {}

/// Pairs of text in the order given, each key once.
#[derive(Debug)]
pub(super) struct Pairs<'a, R> {
    pub(super) pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    rules: PhantomData<R>,
}

impl<'a, R> Pairs<'a, R> {
    pub(super) fn new(pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>) -> Self {
        Self {
            pairs,
            rules: PhantomData,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

impl<R> Default for Pairs<'_, R> {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Rules for Label {
    const WHAT: &'static str = "label";

    fn value(text: &str) -> Result<(), String> {
        if text.is_empty() { Ok(()) } else { word(text) }
    }
}

impl Rules for Annotation {
    const WHAT: &'static str = "annotation";

    fn value(text: &str) -> Result<(), String> {
        at_most(text, 5000)
    }
}

impl<R> Serialize for Pairs<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.pairs.len()))?;
        for (key, value) in &self.pairs {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// What a column of `packages` holds, for export.
impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a, Stored> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(Reading(|_: &str, _: &str| Ok(())))
            .map(Self::new)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a, Label> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(Reading(check::<Label>))
            .map(Self::new)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a, Annotation> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(Reading(check::<Annotation>))
            .map(Self::new)
    }
}

struct Reading(fn(&str, &str) -> Result<(), String>);

impl<'de> Visitor<'de> for Reading {
    type Value = Vec<(Cow<'de, str>, Cow<'de, str>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        let mut left_out = Vec::new();
        while let Some(Text(key)) = map.next_key()? {
            match map.next_value::<Option<Text<'de>>>()? {
                Some(Text(value)) => {
                    (self.0)(&key, &value).map_err(A::Error::custom)?;
                    pairs.push((key, value));
                }
                // As everywhere in a seed, null means left out.
                None => left_out.push(key),
            }
        }
        let mut keys: Vec<&str> = pairs.iter().map(|(key, _)| &**key).collect();
        keys.extend(left_out.iter().map(|key| &**key));
        keys.sort_unstable();
        match keys.windows(2).find(|two| two[0] == two[1]) {
            Some(two) => Err(A::Error::custom(format!(
                "the key {} stands twice",
                quoted(two[0])
            ))),
            None => Ok(pairs),
        }
    }
}

fn check<R: Rules>(key: &str, value: &str) -> Result<(), String> {
    self::key(key).map_err(|text| format!("{} key {}: {text}", R::WHAT, quoted(key)))?;
    R::value(value).map_err(|text| {
        format!(
            "{} {}: value {}: {text}",
            R::WHAT,
            quoted(key),
            quoted(value)
        )
    })
}

/// The rules for a key, `name` or `prefix/name`.
fn key(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if key.is_empty() {
        return Err("key cannot be empty string".into());
    }
    if name.contains('/') {
        return Err("key has more than one '/'".into());
    }
    if let Some(prefix) = prefix {
        if !domain(prefix) {
            return Err(format!(
                "prefix {} must be in valid dns format",
                quoted(prefix)
            ));
        }
        if prefix.len() > 253 {
            return Err("prefix is greater than 253 characters".into());
        }
        if prefix.eq_ignore_ascii_case("cloudfoundry.org") {
            return Err("prefix 'cloudfoundry.org' is reserved".into());
        }
    }
    if name.is_empty() {
        return Err("key cannot be empty string".into());
    }
    word(name)
}

/// The rules for the name of a key and for a label's value.
fn word(text: &str) -> Result<(), String> {
    let bytes = text.as_bytes();
    if !bytes
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    {
        return Err(format!("{} contains invalid characters", quoted(text)));
    }
    let ends = [bytes.first(), bytes.last()];
    if !ends
        .iter()
        .all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
    {
        return Err(format!(
            "{} starts or ends with invalid characters",
            quoted(text)
        ));
    }
    at_most(text, 63)
}

fn at_most(text: &str, most: usize) -> Result<(), String> {
    if text.len() > most && text.chars().count() > most {
        return Err(format!("is greater than {most} characters"));
    }
    Ok(())
}

/// At least two labels of letters, digits and inner hyphens, each of at most 63 characters.
fn domain(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|label| {
            let bytes = label.as_bytes();
            (1..=63).contains(&bytes.len())
                && bytes
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
                && bytes[0] != b'-'
                && bytes[bytes.len() - 1] != b'-'
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_name_or_a_prefix_and_a_name() {
        for right in ["env", "example.com/env", "a-b_c.d", "EXAMPLE.org/X"] {
            assert_eq!(key(right), Ok(()), "{right}");
        }
        for wrong in [
            "",
            "/",
            "a/b/c",
            "com/env",
            "example.com/",
            "-a",
            "a.",
            "a b",
            "ä",
            "cloudfoundry.org/x",
            "CloudFoundry.org/x",
            "-a.com/x",
        ] {
            assert!(key(wrong).is_err(), "{wrong}");
        }
        assert!(key(&"a".repeat(63)).is_ok());
        assert!(key(&"a".repeat(64)).is_err());
    }
}
