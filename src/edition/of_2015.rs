//! The edition of the API document, November 2015.

mod number;
pub mod request;
