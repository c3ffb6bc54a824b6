//! A JSON text and the places of the values in it. It is used only for a seed that is refused.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_path_to_error::Track;

use super::fault::Place;

/// A JSON seed, or a line of JSON Lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct JsonText<'t> {
    pub(super) text: &'t str,
    /// How many lines the seed has before the text.
    pub(super) lines_before: u64,
    /// How many characters the first line of the text has before it.
    pub(super) columns_before: u64,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// A member of an object.
    Key(String),
    /// An element of an array, from 0.
    Index(usize),
}

impl Segment {
    /// Parses the path of a field, as `roles[1].space`. The names of fields contain neither a dot nor a bracket.
    pub(super) fn parse_all(path: &str) -> Vec<Self> {
        let parts = path.split(['.', '[']).filter(|part| !part.is_empty());
        parts
            .map(|part| {
                let index = part.strip_suffix(']').and_then(|n| n.parse().ok());
                index.map_or_else(|| Self::Key(part.to_owned()), Self::Index)
            })
            .collect()
    }

    /// Returns the path at which a parser stopped.
    pub(super) fn of_track(track: Track) -> Vec<Self> {
        let path = track.path();
        path.iter()
            .filter_map(|segment| match segment {
                serde_path_to_error::Segment::Seq { index } => Some(Self::Index(*index)),
                serde_path_to_error::Segment::Map { key } => Some(Self::Key(key.clone())),
                _ => None,
            })
            .collect()
    }

    /// Returns a path as text: `roles[1].space`.
    pub(super) fn join(path: &[Self]) -> String {
        let mut text = String::new();
        for segment in path {
            match segment {
                Self::Index(index) => text.push_str(&format!("[{index}]")),
                Self::Key(key) if text.is_empty() => text.push_str(key),
                Self::Key(key) => text.push_str(&format!(".{key}")),
            }
        }
        text
    }
}

impl<'t> JsonText<'t> {
    /// Returns the place of a part of the text.
    pub(super) fn place_of(&self, part: &str, path: String) -> Place {
        self.place_at(offset_in(self.text, part), path)
    }

    /// Returns the place of the byte at `offset`.
    pub(super) fn place_at(&self, offset: usize, path: String) -> Place {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let lines = before.bytes().filter(|byte| *byte == b'\n').count() as u64;
        let columns = before.chars().rev().take_while(|c| *c != '\n').count() as u64;
        let first_line = if lines == 0 { self.columns_before } else { 0 };
        Place {
            line: Some(self.lines_before + lines + 1),
            column: Some(first_line + columns + 1),
            path,
        }
    }

    /// Returns the offset of a line and a column as serde counts them: from 1, and the column in bytes.
    pub(super) fn offset_of(&self, line: usize, column: usize) -> usize {
        let lines = self.text.split_inclusive('\n').take(line.max(1) - 1);
        let start: usize = lines.map(str::len).sum();
        (start + column.max(1) - 1).min(self.text.len())
    }

    /// Returns the value at a path, or the innermost value around it that exists.
    pub(super) fn find(&self, path: &[Segment]) -> &'t str {
        find(self.text.trim_ascii_start(), path)
    }
}

/// Returns the offset of a part of a text.
fn offset_in(text: &str, part: &str) -> usize {
    let offset = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    if offset <= text.len() { offset } else { 0 }
}

/// Returns the value at a path within `value`, or the innermost value around it that exists.
pub(super) fn find<'t>(value: &'t str, path: &[Segment]) -> &'t str {
    let Some((first, rest)) = path.split_first() else {
        return value;
    };
    let inner = match first {
        Segment::Key(key) => members(value).and_then(|members| {
            let member = members.into_iter().find(|member| member.has_key(key))?;
            Some(member.value)
        }),
        Segment::Index(index) => elements(value).and_then(|all| all.get(*index).copied()),
    };
    inner.map_or(value, |inner| find(inner, rest))
}

/// Returns `value` without the member at a path. `None` if the path does not lead to a member of an object.
pub(super) fn without(value: &str, path: &[Segment]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let mut parts = Vec::new();
    match first {
        Segment::Key(key) => {
            let mut is_found = false;
            for member in members(value)? {
                let name = member.key;
                if is_found || !member.has_key(key) {
                    parts.push(format!("{name}:{}", member.value));
                    continue;
                }
                is_found = true;
                if !rest.is_empty() {
                    parts.push(format!("{name}:{}", without(member.value, rest)?));
                }
            }
            is_found.then(|| format!("{{{}}}", parts.join(",")))
        }
        Segment::Index(index) => {
            for (n, element) in elements(value)?.into_iter().enumerate() {
                parts.push(if n == *index {
                    without(element, rest)?
                } else {
                    element.to_owned()
                });
            }
            Some(format!("[{}]", parts.join(",")))
        }
    }
}

/// Returns the elements of an array. `None` if the value is no array.
pub(super) fn elements(array: &str) -> Option<Vec<&str>> {
    let elements: Vec<&RawValue> = serde_json::from_str(array).ok()?;
    Some(elements.into_iter().map(RawValue::get).collect())
}

/// A member of an object, as it is written in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'t> {
    /// The key in its quotes.
    pub(super) key: &'t str,
    pub(super) value: &'t str,
}

impl Member<'_> {
    /// Returns the key without quotes and escapes.
    pub(super) fn name(&self) -> String {
        serde_json::from_str(self.key).unwrap_or_default()
    }

    fn has_key(&self, key: &str) -> bool {
        self.name() == key
    }
}

/// Returns the members of an object. `None` if the value is no object.
pub(super) fn members(object: &str) -> Option<Vec<Member<'_>>> {
    struct Members<'t>(Vec<Member<'t>>);

    struct MembersVisitor;

    impl<'de> Visitor<'de> for MembersVisitor {
        type Value = Members<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
            let mut members = Vec::new();
            while let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
                let (key, value) = (key.get(), value.get());
                members.push(Member { key, value });
            }
            Ok(Members(members))
        }
    }

    impl<'de> Deserialize<'de> for Members<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(MembersVisitor)
        }
    }

    let members: Members<'_> = serde_json::from_str(object).ok()?;
    Some(members.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"a": [1, {"é": "ö", "b": {"c.d": 2, "c.d": 3}}]}"#;

    fn path(segments: &[&str]) -> Vec<Segment> {
        let segments = segments.iter().map(|text| match text.parse() {
            Ok(index) => Segment::Index(index),
            Err(_) => Segment::Key((*text).to_owned()),
        });
        segments.collect()
    }

    #[test]
    fn value_is_found_by_its_path_or_else_the_value_around_it() {
        for (segments, found) in [
            (&[][..], TEXT),
            (&["a", "0"], "1"),
            (&["a", "1", "é"], "\"ö\""),
            (&["a", "1", "b", "c.d"], "2"),
            (
                &["a", "7", "b"],
                r#"[1, {"é": "ö", "b": {"c.d": 2, "c.d": 3}}]"#,
            ),
        ] {
            assert_eq!(find(TEXT, &path(segments)), found, "{segments:?}");
        }
    }

    #[test]
    fn columns_count_characters() {
        let document = JsonText {
            text: TEXT,
            lines_before: 4,
            columns_before: 2,
        };
        let found = document.find(&path(&["a", "1", "b"]));
        let place = document.place_of(found, String::new());
        assert_eq!((place.line, place.column), (Some(5), Some(29)));
    }

    #[test]
    fn only_the_first_member_of_a_path_is_removed() {
        let removed = without(TEXT, &path(&["a", "1", "b", "c.d"]));
        assert_eq!(
            removed.as_deref(),
            Some(r#"{"a":[1,{"é":"ö","b":{"c.d":3}}]}"#)
        );
        for elsewhere in [&["a", "0"][..], &["b"], &[]] {
            assert_eq!(without(TEXT, &path(elsewhere)), None, "{elsewhere:?}");
        }
    }
}
