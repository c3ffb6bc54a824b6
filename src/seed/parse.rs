//! Parses a seed in either format, entry by entry: each is applied before the next is parsed.
//!
//! The places of values cost time. So they are found only for a seed with a fault, by `diagnose`.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::diagnose;
use super::entry::{ByKind, Entry, EntryKind, Object, Position, SeedFormat};
use super::fault::Stop;
use super::json_text::JsonText;
use super::messages;
use super::reading::Reading;

/// Parses a JSON seed. Parents are applied before their children, in any order of the arrays.
pub(super) fn parse_json(
    reading: &mut Reading<'_, '_, '_>,
    document: JsonText<'_>,
) -> Result<(), Stop> {
    for kind in EntryKind::ALL {
        let (mut handled, mut stop) = (0, None);
        let mut deserializer = serde_json::Deserializer::from_str(document.text);
        let parsed = EntriesOfKind {
            kind: *kind,
            document,
            reading,
            handled: &mut handled,
            stop: &mut stop,
        }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
        if let Some(stop) = stop {
            return Err(stop);
        }
        if let Err(error) = parsed {
            return diagnose::read_rest(reading, document, *kind, handled, &error);
        }
    }
    Ok(())
}

/// Parses one line of JSON Lines, the line `number` from 1.
pub(super) fn parse_line(
    reading: &mut Reading<'_, '_, '_>,
    document: JsonText<'_>,
    number: u64,
) -> Result<(), Stop> {
    let mut deserializer = serde_json::Deserializer::from_str(document.text);
    let parsed = EntryOfLine
        .deserialize(&mut deserializer)
        .and_then(|entry| deserializer.end().map(|()| entry));
    match parsed {
        Ok(entry) => {
            let position = Position {
                format: SeedFormat::JsonLines,
                kind: entry.kind(),
                number,
            };
            reading.apply(&document, position, &entry)
        }
        Err(error) => diagnose::read_line(reading, document, number, &error),
    }
}

/// Reads the object of a JSON seed: applies the entries of one kind and skips the others.
struct EntriesOfKind<'a, 'r, 't, 'c> {
    kind: EntryKind,
    document: JsonText<'a>,
    reading: &'a mut Reading<'r, 't, 'c>,
    /// How many entries were parsed.
    handled: &'a mut u64,
    /// Why no more entries are read. serde's own errors cannot carry it.
    stop: &'a mut Option<Stop>,
}

impl<'de> DeserializeSeed<'de> for EntriesOfKind<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntriesOfKind<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the arrays of a seed")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut seen = ByKind::<bool>::default();
        while let Some(kind) = map.next_key_seed(KindName(EntryKind::plural))? {
            if std::mem::replace(&mut seen[kind], true) {
                return Err(A::Error::duplicate_field(kind.plural()));
            }
            if kind == self.kind {
                map.next_value_seed(EntryArray(&mut self))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Reads the array of one kind. Null is an empty array.
struct EntryArray<'e, 'a, 'r, 't, 'c>(&'e mut EntriesOfKind<'a, 'r, 't, 'c>);

impl<'de> DeserializeSeed<'de> for EntryArray<'_, '_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for EntryArray<'_, '_, '_, '_, '_> {
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
        let entries = self.0;
        while let Some(entry) = seq.next_element_seed(entries.kind)? {
            let position = Position {
                format: SeedFormat::Json,
                kind: entries.kind,
                number: *entries.handled,
            };
            *entries.handled += 1;
            if let Err(stop) = entries.reading.apply(&entries.document, position, &entry) {
                *entries.stop = Some(stop);
                return Err(A::Error::custom("stopped"));
            }
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
        EntryKind::named(self.0, text).map_err(E::custom)
    }
}
