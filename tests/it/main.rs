//! What cf-packages does, as its users see it: each module is a part of the specification.

// What helps a test may panic as the test itself may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod exporting;
mod replay;
mod seeding;
mod support;
mod tokens;
