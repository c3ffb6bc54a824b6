//! ListRequest + Caller → total and page.

pub mod request;
