//! The documents of the 2015 edition, one file per resource.

pub mod package;
