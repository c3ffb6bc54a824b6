//! Parses a seed in either format, entry by entry: each is handled before the next is parsed.
//!
//! The path of a value costs an allocation for every key. So paths are only tracked when a seed was refused and is
//! parsed a second time.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_path_to_error::Track;

use super::entry::{ByKind, Entry, EntryKind, Object, Position, SeedFormat};
use super::messages::{self, SeedError};

/// Handles one entry of a seed.
pub(super) type HandleEntry<'h> = dyn FnMut(Position, Entry<'_>) -> Result<(), SeedError> + 'h;

/// Parses a JSON seed. Parents are handled before their children, in any order of the arrays.
///
/// The seed has `lines_before` lines before `text`.
pub(super) fn parse_json(
    seed: &str,
    text: &str,
    lines_before: u64,
    handle: &mut HandleEntry<'_>,
) -> Result<(), SeedError> {
    for kind in EntryKind::ALL {
        let mut refused = None;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let parsed = EntriesOfKind {
            kind: *kind,
            handle: &mut *handle,
            refused: &mut refused,
        }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
        if let Some(refused) = refused {
            return Err(refused);
        }
        if let Err(error) = parsed {
            let path = path_of_error(|track| {
                EntriesOfKind {
                    kind: *kind,
                    handle: &mut |_, _| Ok(()),
                    refused: &mut None,
                }
                .deserialize(serde_path_to_error::Deserializer::new(
                    &mut serde_json::Deserializer::from_str(text),
                    track,
                ))
                .is_err()
            });
            let format = SeedFormat::Json;
            return Err(
                messages::invalid_json(seed, &error, path, text, format, lines_before).into(),
            );
        }
    }
    Ok(())
}

/// Parses one line of JSON Lines. Lines count from 1.
pub(super) fn parse_line(
    seed: &str,
    text: &str,
    line: u64,
    handle: &mut HandleEntry<'_>,
) -> Result<(), SeedError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = EntryOfLine
        .deserialize(&mut deserializer)
        .and_then(|entry| deserializer.end().map(|()| entry));
    let format = SeedFormat::JsonLines;
    match parsed {
        Ok(entry) => {
            let position = Position {
                format,
                kind: entry.kind(),
                number: line,
            };
            handle(position, entry)
        }
        Err(error) => {
            let path = path_of_error(|track| {
                EntryOfLine
                    .deserialize(serde_path_to_error::Deserializer::new(
                        &mut serde_json::Deserializer::from_str(text),
                        track,
                    ))
                    .is_err()
            });
            Err(messages::invalid_json(seed, &error, path, text, format, line - 1).into())
        }
    }
}

/// Parses a refused text a second time and returns the path of the value that is refused.
fn path_of_error(parse_again: impl FnOnce(&mut Track) -> bool) -> Option<String> {
    let mut track = Track::new();
    let refused = parse_again(&mut track);
    refused
        .then(|| track.path().to_string())
        .filter(|path| path != ".")
}

/// Reads the object of a JSON seed: handles the entries of one kind and skips the others.
struct EntriesOfKind<'r, 'h> {
    kind: EntryKind,
    handle: &'r mut HandleEntry<'h>,
    /// Why an entry was refused by `handle`. serde's own errors cannot carry it.
    refused: &'r mut Option<SeedError>,
}

impl<'de> DeserializeSeed<'de> for EntriesOfKind<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntriesOfKind<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the arrays of a seed")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = ByKind::<bool>::default();
        while let Some(kind) = map.next_key_seed(KindName(EntryKind::plural))? {
            if std::mem::replace(&mut seen[kind], true) {
                return Err(A::Error::duplicate_field(kind.plural()));
            }
            if kind == self.kind {
                map.next_value_seed(EntryArray {
                    kind,
                    handle: &mut *self.handle,
                    refused: &mut *self.refused,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Reads the array of one kind. Null is an empty array.
struct EntryArray<'r, 'h> {
    kind: EntryKind,
    handle: &'r mut HandleEntry<'h>,
    refused: &'r mut Option<SeedError>,
}

impl<'de> DeserializeSeed<'de> for EntryArray<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for EntryArray<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(entry) = seq.next_element_seed(self.kind)? {
            let position = Position {
                format: SeedFormat::Json,
                kind: self.kind,
                number,
            };
            if let Err(error) = (self.handle)(position, entry) {
                *self.refused = Some(error);
                return Err(A::Error::custom("refused"));
            }
            number += 1;
        }
        Ok(())
    }
}

/// Reads an entry of this kind.
impl<'de> DeserializeSeed<'de> for EntryKind {
    type Value = Entry<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Entry<'de>, D::Error> {
        Ok(match self {
            Self::Organization => Entry::Organization(Object::deserialize(deserializer)?.0),
            Self::Space => Entry::Space(Object::deserialize(deserializer)?.0),
            Self::App => Entry::App(Object::deserialize(deserializer)?.0),
            Self::User => Entry::User(Object::deserialize(deserializer)?.0),
            Self::Package => Entry::Package(Object::deserialize(deserializer)?.0),
        })
    }
}

/// Reads the object of a line, as `{"package": {…}}`.
struct EntryOfLine;

impl<'de> DeserializeSeed<'de> for EntryOfLine {
    type Value = Entry<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Entry<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntryOfLine {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one entry")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry<'de>, A::Error> {
        let Some(kind) = map.next_key_seed(KindName(EntryKind::singular))? else {
            return Err(A::Error::custom(messages::EMPTY_LINE_OBJECT));
        };
        let entry = map.next_value_seed(kind)?;
        match map.next_key_seed(KindName(EntryKind::singular))? {
            None => Ok(entry),
            Some(second) => Err(A::Error::custom(messages::second_entry(second))),
        }
    }
}

/// Reads a key that is the name of a kind, in the singular or in the plural.
struct KindName(fn(EntryKind) -> &'static str);

impl<'de> DeserializeSeed<'de> for KindName {
    type Value = EntryKind;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<EntryKind, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KindName {
    type Value = EntryKind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a kind")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<EntryKind, E> {
        let mut kinds = EntryKind::ALL.iter().copied();
        kinds.find(|kind| (self.0)(*kind) == text).ok_or_else(|| {
            let names = EntryKind::ALL.iter().map(|kind| (self.0)(*kind));
            E::custom(messages::unknown_kind(text, names))
        })
    }
}
