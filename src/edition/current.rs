//! The edition that Cloud Controllers speak today.

pub mod accepted;
mod elements;
mod inspect;
mod integer;
mod label_name;
mod label_selector;
mod parameters;
pub mod request;
mod times;
