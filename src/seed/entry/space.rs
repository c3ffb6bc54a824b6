//! Spaces.

use serde::{Deserialize, Serialize};

use super::super::fault::EntryError;
use super::super::field::{Guid, Name, Reference, Time};
use super::required;
use crate::records::SpaceRecord;

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
}

impl<'a> SpaceEntry<'a> {
    pub(in crate::seed) fn to_record(&self) -> Result<SpaceRecord<'_>, EntryError> {
        Ok(SpaceRecord {
            name: required("name", self.name.as_ref())?.as_str(),
            ..SpaceRecord::default()
        })
    }

    pub(in crate::seed) fn from_record(record: &SpaceRecord<'a>) -> Self {
        Self {
            guid: Some(Guid::trusted(record.guid)),
            name: Some(Name::trusted(record.name)),
            organization: Some(Reference::trusted(record.organization_guid)),
            created_at: Some(Time(record.created_at)),
        }
    }
}
