//! Entries: the objects of a seed, one struct per kind. A seed is read into these structs, and an export writes them.
//!
//! A field has three places here: the struct, `to_record` and `from_record`.
//!
//! `to_record` returns the columns that the entry itself determines. The guid, ids, times and the name in lower case
//! are added when the entry is applied. It fails if a required field is missing, or if two fields contradict each
//! other. `from_record` leaves out a field that has its default value.

mod app;
mod kind;
mod organization;
mod package;
mod position;
mod space;
mod user;

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::fault::EntryError;
use super::field::{Annotations, Guid, Labels, Name};
use super::messages;
use crate::labels::{ANNOTATIONS, LABELS};
use crate::records::{Metadata, Table};
use crate::store::StoreError;
pub(super) use app::AppEntry;
pub(super) use kind::{ByKind, EntryKind};
pub(super) use organization::OrganizationEntry;
pub(super) use package::{CredentialsEntry, PackageEntry};
pub(super) use position::Position;
pub use position::SeedFormat;
pub(super) use space::SpaceEntry;
pub(super) use user::{RoleEntry, UserEntry};

/// One entry, with valid fields. A field that is missing or null is `None`.
#[derive(Debug)]
pub(super) enum Entry<'a> {
    Organization(OrganizationEntry<'a>),
    Space(SpaceEntry<'a>),
    App(AppEntry<'a>),
    User(UserEntry<'a>),
    Package(Box<PackageEntry<'a>>),
}

impl Entry<'_> {
    pub(super) fn kind(&self) -> EntryKind {
        match self {
            Self::Organization(_) => EntryKind::Organization,
            Self::Space(_) => EntryKind::Space,
            Self::App(_) => EntryKind::App,
            Self::User(_) => EntryKind::User,
            Self::Package(_) => EntryKind::Package,
        }
    }
}

impl Entry<'_> {
    /// Returns the name and the guid by which other entries may refer to this one.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let (name, guid) = match self {
            Self::Organization(entry) => (entry.name.as_ref(), entry.guid.as_ref()),
            Self::Space(entry) => (entry.name.as_ref(), entry.guid.as_ref()),
            Self::App(entry) => (entry.name.as_ref(), entry.guid.as_ref()),
            Self::User(_) | Self::Package(_) => (None, None),
        };
        let (name, guid) = (name.map(Name::as_str), guid.map(Guid::as_str));
        name.into_iter().chain(guid)
    }
}

/// Returns the value of a required field.
pub(super) fn required<'e, T>(
    field: &'static str,
    value: Option<&'e T>,
) -> Result<&'e T, EntryError> {
    value.ok_or_else(|| EntryError::missing(field))
}

/// Returns the labels and annotations of the row `guid` of `T`, if there are any.
pub(super) fn metadata<'a, T: Table>(
    guid: &str,
    labels: &'a str,
    annotations: &'a str,
) -> Result<(Option<Labels<'a>>, Option<Annotations<'a>>), StoreError> {
    let labels = Metadata::of_column(T::TABLE, guid, LABELS, labels)?;
    let annotations = Metadata::of_column(T::TABLE, guid, ANNOTATIONS, annotations)?;
    Ok((
        (!labels.0.is_empty()).then_some(Labels(labels)),
        (!annotations.0.is_empty()).then_some(Annotations(annotations)),
    ))
}

/// Fails if a field has a value although `word`, the entry's type or role, does not have that field.
fn not_with<T>(
    field: &'static str,
    what: &str,
    word: &str,
    value: Option<&T>,
) -> Result<(), EntryError> {
    match value {
        None => Ok(()),
        Some(_) => Err(EntryError::new(
            field,
            messages::does_not_go_with(field, what, word),
        )),
    }
}

/// Reads `T` from a JSON object only. serde's derived structs would also accept an array of the fields' values.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(messages::OBJECT)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer
            .deserialize_map(ObjectVisitor(PhantomData))
            .map(Self)
    }
}
