//! What the controllers inherit from Ruby and Rails, imitated here and nowhere else: how a query string, an integer and a
//! comma list are read, and how a value is printed.

pub(super) mod comma_list;
pub(super) mod inspect;
pub(super) mod numericality;
pub(super) mod query_string;
pub(super) mod to_i;
