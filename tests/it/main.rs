//! What cf-packages does, as its users see it: each module is a part of the specification.

mod exporting;
mod replay;
mod seeding;
mod support;
mod tokens;
