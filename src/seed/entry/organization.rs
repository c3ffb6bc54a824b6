//! Organizations.

use serde::{Deserialize, Serialize};

use super::super::fault::EntryError;
use super::super::field::{Guid, Name, Time};
use super::required;
use crate::records::OrganizationRecord;

/// An organization.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::seed) struct OrganizationEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) guid: Option<Guid<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) name: Option<Name<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) suspended: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) created_at: Option<Time>,
}

impl<'a> OrganizationEntry<'a> {
    pub(in crate::seed) fn to_record(&self) -> Result<OrganizationRecord<'_>, EntryError> {
        Ok(OrganizationRecord {
            name: required("name", self.name.as_ref())?.as_str(),
            suspended: self.suspended.unwrap_or(false),
            ..OrganizationRecord::default()
        })
    }

    pub(in crate::seed) fn from_record(record: &OrganizationRecord<'a>) -> Self {
        Self {
            guid: Some(Guid::trusted(record.guid)),
            name: Some(Name::trusted(record.name)),
            suspended: record.suspended.then_some(true),
            created_at: Some(Time(record.created_at)),
        }
    }
}
