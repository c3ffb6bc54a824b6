pub mod caller;
pub mod cli;
pub mod clock;
pub mod error;
pub mod listing;
pub mod resource;
pub mod store;
