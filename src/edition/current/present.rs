//! The documents of the edition, one file per resource.

pub mod app;
pub mod build;
pub mod droplet;
pub mod job;
pub mod list_document;
pub mod organization;
pub mod package;
pub mod root_documents;
pub mod space;

mod parts;
