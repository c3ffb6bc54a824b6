pub mod caller;
pub mod cli;
pub mod clock;
pub mod error;
pub mod seed;
pub mod store;
