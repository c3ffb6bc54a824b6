//! What cf-packages does, as a specification: each file is a chapter.

mod exporting;
mod openapi;
mod seeding;
mod support;
