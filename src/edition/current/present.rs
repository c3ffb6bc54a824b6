//! The documents of the edition, one file per resource.

pub mod app;
pub mod build;
pub mod droplet;
pub mod environment;
pub mod features;
pub mod job;
pub mod list_document;
pub mod member;
pub mod organization;
pub mod organization_quota;
pub mod package;
pub mod process;
pub mod root_documents;
pub mod space;

mod parts;

use crate::edition::BaseUrl;

/// Returns the document of a relationship to nothing, of the resource with that guid in the list at `path`.
pub fn no_relationship(base_url: &BaseUrl, path: &str, guid: &str, name: &str) -> Vec<u8> {
    let link = [base_url.as_str(), path, "/", guid, "/relationships/", name];
    let mut out = Vec::new();
    super::json::write_compact(
        &mut out,
        &parts::NoRelationship::new(parts::Link::new(link)),
    );
    out
}
