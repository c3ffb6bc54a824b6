//! Spaces.

use serde::{Deserialize, Serialize};

use super::super::fault::EntryError;
use super::super::field::{Annotations, Guid, Labels, Name, Reference, Time};
use super::{metadata, required};
use crate::records::{Space, SpaceRecord};
use crate::store::StoreError;

/// A space.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::seed) struct SpaceEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) guid: Option<Guid<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) name: Option<Name<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) organization: Option<Reference<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) created_at: Option<Time>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) labels: Option<Labels<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) annotations: Option<Annotations<'a>>,
}

impl<'a> SpaceEntry<'a> {
    /// Does not set the labels and annotations, whose JSON text is made when the entry is applied.
    pub(in crate::seed) fn to_record(&self) -> Result<SpaceRecord<'_>, EntryError> {
        Ok(SpaceRecord {
            name: required("name", self.name.as_ref())?.as_str(),
            ..SpaceRecord::default()
        })
    }

    pub(in crate::seed) fn from_record(record: &SpaceRecord<'a>) -> Result<Self, StoreError> {
        let (labels, annotations) =
            metadata::<Space>(record.guid, record.labels, record.annotations)?;
        Ok(Self {
            guid: Some(Guid::trusted(record.guid)),
            name: Some(Name::trusted(record.name)),
            organization: Some(Reference::trusted(record.organization_guid)),
            created_at: Some(Time(record.created_at)),
            labels,
            annotations,
        })
    }
}
