//! Organizations.

use serde::{Deserialize, Serialize};

use super::super::fault::EntryError;
use super::super::field::{Annotations, Guid, Labels, Name, Time};
use super::{metadata, required};
use crate::records::{Organization, OrganizationRecord};
use crate::store::StoreError;

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
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) labels: Option<Labels<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) annotations: Option<Annotations<'a>>,
}

impl<'a> OrganizationEntry<'a> {
    /// Does not set the labels and annotations, whose JSON text is made when the entry is applied.
    pub(in crate::seed) fn to_record(&self) -> Result<OrganizationRecord<'_>, EntryError> {
        Ok(OrganizationRecord {
            name: required("name", self.name.as_ref())?.as_str(),
            suspended: self.suspended.unwrap_or(false),
            ..OrganizationRecord::default()
        })
    }

    pub(in crate::seed) fn from_record(
        record: &OrganizationRecord<'a>,
    ) -> Result<Self, StoreError> {
        let (labels, annotations) =
            metadata::<Organization>(record.guid, record.labels, record.annotations)?;
        Ok(Self {
            guid: Some(Guid::trusted(record.guid)),
            name: Some(Name::trusted(record.name)),
            suspended: record.suspended.then_some(true),
            created_at: Some(Time(record.created_at)),
            labels,
            annotations,
        })
    }
}
