pub mod auth;
pub mod caller;
pub mod cli;
pub mod clock;
pub mod duration;
pub mod error;
pub mod private_file;
pub mod store;

pub mod seed;

pub mod caller;
pub mod clock;
pub mod duration;
pub mod error;
pub mod log;
pub mod private_file;
