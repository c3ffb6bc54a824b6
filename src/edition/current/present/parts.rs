//! Parts that the documents of several resources share.

use serde::Serialize;

use crate::labels::{ANNOTATIONS, LABELS};
use crate::records::{Metadata, Table};
use crate::store::StoreError;

/// A link.
#[derive(Serialize)]
pub struct Link {
    href: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
}

impl Link {
    /// Returns a link to the URL that the parts make together.
    pub fn new<const N: usize>(href: [&str; N]) -> Self {
        Self {
            href: href.concat(),
            method: None,
        }
    }

    /// Returns the link with this method shown.
    pub fn with_method(self, method: Option<&'static str>) -> Self {
        Self { method, ..self }
    }
}

/// A relationship to one resource: `{"data":{"guid":…}}`.
#[derive(Serialize)]
pub struct ToOne<'a> {
    data: ToOneData<'a>,
}

#[derive(Serialize)]
struct ToOneData<'a> {
    guid: Option<&'a str>,
}

impl<'a> ToOne<'a> {
    /// Returns `{"data":{"guid":"…"}}`, or `{"data":{"guid":null}}`.
    pub fn new(guid: Option<&'a str>) -> Self {
        Self {
            data: ToOneData { guid },
        }
    }
}

/// The document of a relationship to nothing: `{"data":null,"links":{"self":{"href":"…"}}}`.
#[derive(Serialize)]
pub struct NoRelationship {
    data: (),
    links: NoRelationshipLinks,
}

#[derive(Serialize)]
struct NoRelationshipLinks {
    #[serde(rename = "self")]
    this: Link,
}

impl NoRelationship {
    /// Returns the document whose own URL is `link`.
    pub fn new(link: Link) -> Self {
        Self {
            data: (),
            links: NoRelationshipLinks { this: link },
        }
    }
}

/// `{}`.
#[derive(Serialize)]
pub struct EmptyObject {}

/// The labels and annotations of a resource.
#[derive(Serialize)]
pub struct StoredMetadata<'a> {
    labels: Metadata<'a>,
    annotations: Metadata<'a>,
}

impl<'a> StoredMetadata<'a> {
    /// Parses the columns `labels` and `annotations` of the row `guid` of `T`.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Damaged`] if one of them is not valid.
    pub fn of<T: Table>(
        guid: &str,
        labels: &'a str,
        annotations: &'a str,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            labels: Metadata::of_column(T::TABLE, guid, LABELS, labels)?,
            annotations: Metadata::of_column(T::TABLE, guid, ANNOTATIONS, annotations)?,
        })
    }
}

/// The metadata of resources that have no labels and annotations on this server.
#[derive(Serialize)]
pub struct EmptyMetadata {
    labels: EmptyObject,
    annotations: EmptyObject,
}

impl EmptyMetadata {
    /// `{"labels":{},"annotations":{}}`.
    pub const VALUE: Self = Self {
        labels: EmptyObject {},
        annotations: EmptyObject {},
    };
}
