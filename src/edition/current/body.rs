//! Bodies of requests that change something in `current`. All messages about a body are joined in one error, in the order
//! of a controller.

pub mod new_build;
pub mod new_package;
pub mod update_package;

mod metadata;
