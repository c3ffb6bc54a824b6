//! Bodies of requests that change something in `2015`. All messages about a body are joined in one error.

pub mod new_droplet;
pub mod new_package;
