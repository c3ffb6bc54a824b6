//! The documents of the current edition, one file per resource.

pub mod app;
pub mod list;
pub mod organization;
pub mod package;
pub mod root;
pub mod space;
