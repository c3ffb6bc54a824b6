//! Ruby, Rails and Rack functions whose exact results a client can see in the answers of a Cloud Controller.
//!
//! A Cloud Controller is a Ruby program, so its answers to odd input follow these functions. Each file names the one
//! that it imitates. Only the parsers of the editions use them.

pub(super) mod cgi_escape;
pub(super) mod comma_list;
pub(super) mod inspect;
pub(super) mod json_body;
pub(super) mod numericality;
pub(super) mod query_string;
pub(super) mod to_i;

/// What Ruby's `\s` and `String#strip` treat as whitespace.
const WHITESPACE: [char; 6] = [' ', '\t', '\n', '\x0b', '\x0c', '\r'];
