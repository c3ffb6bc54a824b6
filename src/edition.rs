//! What one edition of the API says: how it reads a request and how it writes an answer.

pub mod current;
pub mod of_2015;
mod query;
