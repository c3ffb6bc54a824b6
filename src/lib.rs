pub mod caller;
pub mod cli;
pub mod clock;
pub mod edition;
pub mod error;
pub mod listing;
pub mod resource;
pub mod store;
