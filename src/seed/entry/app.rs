//! Apps.

use serde::{Deserialize, Serialize};

use super::super::fault::EntryError;
use super::super::field::{Annotations, Guid, Labels, Lifecycle, Name, Reference, Time};
use super::{metadata, required};
use crate::records::{App, AppRecord, app};
use crate::store::StoreError;

/// An app.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::seed) struct AppEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) guid: Option<Guid<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) name: Option<Name<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) space: Option<Reference<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) lifecycle: Option<Lifecycle<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) created_at: Option<Time>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) labels: Option<Labels<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) annotations: Option<Annotations<'a>>,
}

impl<'a> AppEntry<'a> {
    /// Does not set the labels and annotations, whose JSON text is made when the entry is applied.
    pub(in crate::seed) fn to_record(&self) -> Result<AppRecord<'_>, EntryError> {
        let lifecycle = self.lifecycle.as_ref().map(Lifecycle::as_str);
        Ok(AppRecord {
            name: required("name", self.name.as_ref())?.as_str(),
            lifecycle: lifecycle.unwrap_or(app::DEFAULT_LIFECYCLE),
            ..AppRecord::default()
        })
    }

    pub(in crate::seed) fn from_record(record: &AppRecord<'a>) -> Result<Self, StoreError> {
        let (labels, annotations) =
            metadata::<App>(record.guid, record.labels, record.annotations)?;
        Ok(Self {
            guid: Some(Guid::trusted(record.guid)),
            name: Some(Name::trusted(record.name)),
            space: Some(Reference::trusted(record.space_guid)),
            lifecycle: Some(Lifecycle::trusted(record.lifecycle)),
            created_at: Some(Time(record.created_at)),
            labels,
            annotations,
        })
    }
}
