//! Changes of labels and annotations: pairs to set, and keys to remove.

use std::borrow::Cow;

use crate::error::ApiError;
use crate::labels::{MOST_ANNOTATIONS, MOST_LABELS};
use crate::records::Metadata;

/// The pairs of a request, in its order. A key without a value is removed. Keys and values are valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataChange(pub Vec<(String, Option<String>)>);

impl MetadataChange {
    /// Returns the labels after the change.
    ///
    /// # Errors
    ///
    /// Fails with `TooManyLabels` if the change adds labels and leaves more than [`MOST_LABELS`].
    pub(super) fn applied_to_labels<'a>(
        &'a self,
        stored: &Metadata<'a>,
    ) -> Result<Metadata<'a>, ApiError> {
        self.applied(stored, MOST_LABELS)
            .ok_or(ApiError::TooManyLabels(self.0.len()))
    }

    /// Returns the annotations after the change.
    ///
    /// # Errors
    ///
    /// Fails with `TooManyAnnotations` if the change adds annotations and leaves more than [`MOST_ANNOTATIONS`].
    pub(super) fn applied_to_annotations<'a>(
        &'a self,
        stored: &Metadata<'a>,
    ) -> Result<Metadata<'a>, ApiError> {
        self.applied(stored, MOST_ANNOTATIONS)
            .ok_or(ApiError::TooManyAnnotations(self.0.len()))
    }

    fn applied<'a>(&'a self, stored: &Metadata<'a>, most: usize) -> Option<Metadata<'a>> {
        let mut pairs = stored.0.clone();
        for (key, value) in &self.0 {
            let known = pairs.iter().position(|(known, _)| known == key);
            match (known, value) {
                (Some(at), Some(value)) => pairs[at].1 = Cow::Borrowed(value),
                (Some(at), None) => {
                    pairs.remove(at);
                }
                (None, Some(value)) => pairs.push((Cow::Borrowed(key), Cow::Borrowed(value))),
                (None, None) => {}
            }
        }
        let is_allowed = pairs.len() <= most.max(stored.0.len());
        is_allowed.then_some(Metadata(pairs))
    }
}
