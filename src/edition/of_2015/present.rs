//! The documents of the edition, one file per resource.

pub mod app;
pub mod droplet;
pub mod package;
