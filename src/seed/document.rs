//! The two forms of a seed, read entry by entry: each is handed on before the next is parsed.
//!
//! Paths cost an allocation for every key, so they are only kept when what was read is refused and read again.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_path_to_error::Track;

use super::fault::SeedError;
use super::kind::{Form, Kind, Place};
use super::wording;
use super::written::{Object, Written};

/// Takes an entry and where it stands.
pub(super) type Sink<'s> = dyn FnMut(Place, Written<'_>) -> Result<(), SeedError> + 's;

/// Reads the JSON form, one kind after the other, parents first, whatever the order of the keys.
/// `above` lines were blank before `text`.
pub(super) fn read_json(
    seed: &str,
    text: &str,
    above: u64,
    sink: &mut Sink<'_>,
) -> Result<(), SeedError> {
    for kind in Kind::ALL {
        let mut stopped = None;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = Document {
            kind,
            sink: &mut *sink,
            stopped: &mut stopped,
        }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
        if let Some(stopped) = stopped {
            return Err(stopped);
        }
        if let Err(error) = read {
            let path = path_of(|track| {
                Document {
                    kind,
                    sink: &mut |_, _| Ok(()),
                    stopped: &mut None,
                }
                .deserialize(serde_path_to_error::Deserializer::new(
                    &mut serde_json::Deserializer::from_str(text),
                    track,
                ))
                .is_err()
            });
            return Err(wording::refusal(
                seed,
                &error,
                path,
                text,
                Form::Json,
                above,
            ));
        }
    }
    Ok(())
}

/// Reads one line of JSON Lines.
pub(super) fn read_line(
    seed: &str,
    text: &str,
    number: u64,
    sink: &mut Sink<'_>,
) -> Result<(), SeedError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Line
        .deserialize(&mut deserializer)
        .and_then(|entry| deserializer.end().map(|()| entry));
    match read {
        Ok((kind, written)) => sink(
            Place {
                form: Form::JsonLines,
                kind,
                number,
            },
            written,
        ),
        Err(error) => {
            let path = path_of(|track| {
                Line.deserialize(serde_path_to_error::Deserializer::new(
                    &mut serde_json::Deserializer::from_str(text),
                    track,
                ))
                .is_err()
            });
            Err(wording::refusal(
                seed,
                &error,
                path,
                text,
                Form::JsonLines,
                number - 1,
            ))
        }
    }
}

/// Reads again what was refused, this time to learn where.
fn path_of(read_again: impl FnOnce(&mut Track) -> bool) -> Option<String> {
    let mut track = Track::new();
    let refused = read_again(&mut track);
    refused
        .then(|| track.path().to_string())
        .filter(|path| path != ".")
}

/// The JSON form, of which one kind is read and the others are passed over.
struct Document<'r, 's> {
    kind: Kind,
    sink: &'r mut Sink<'s>,
    stopped: &'r mut Option<SeedError>,
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the arrays of a seed")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut met = [false; 5];
        while let Some(kind) = map.next_key_seed(Key(&Kind::PLURALS))? {
            if std::mem::replace(&mut met[kind.index()], true) {
                return Err(A::Error::duplicate_field(kind.plural()));
            }
            if kind == self.kind {
                map.next_value_seed(Entries {
                    kind,
                    sink: &mut *self.sink,
                    stopped: &mut *self.stopped,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The array of one kind; null is none.
struct Entries<'r, 's> {
    kind: Kind,
    sink: &'r mut Sink<'s>,
    stopped: &'r mut Option<SeedError>,
}

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
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
        while let Some(written) = seq.next_element_seed(self.kind)? {
            let place = Place {
                form: Form::Json,
                kind: self.kind,
                number,
            };
            if let Err(error) = (self.sink)(place, written) {
                *self.stopped = Some(error);
                return Err(A::Error::custom("refused"));
            }
            number += 1;
        }
        Ok(())
    }
}

/// An entry of this kind.
impl<'de> DeserializeSeed<'de> for Kind {
    type Value = Written<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Written<'de>, D::Error> {
        Ok(match self {
            Self::Organization => Written::Organization(Object::deserialize(deserializer)?.0),
            Self::Space => Written::Space(Object::deserialize(deserializer)?.0),
            Self::App => Written::App(Object::deserialize(deserializer)?.0),
            Self::User => Written::User(Object::deserialize(deserializer)?.0),
            Self::Package => Written::Package(Object::deserialize(deserializer)?.0),
        })
    }
}

/// `{"package": {…}}`
struct Line;

impl<'de> DeserializeSeed<'de> for Line {
    type Value = (Kind, Written<'de>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Line {
    type Value = (Kind, Written<'de>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one entry")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some(kind) = map.next_key_seed(Key(&Kind::SINGULARS))? else {
            return Err(A::Error::custom(
                "the object is empty; a line holds one entry, as `{\"package\": {…}}`",
            ));
        };
        let written = map.next_value_seed(kind)?;
        match map.next_key_seed(Key(&Kind::SINGULARS))? {
            None => Ok((kind, written)),
            Some(second) => Err(A::Error::custom(format!(
                "a second entry, `{}`, stands in the line; each stands in its own",
                second.singular()
            ))),
        }
    }
}

/// A key that names a kind.
struct Key(&'static [&'static str; 5]);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Kind;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a kind")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Kind, E> {
        self.0
            .iter()
            .position(|name| *name == text)
            .map(|index| Kind::ALL[index])
            .ok_or_else(|| E::unknown_field(text, self.0))
    }
}
