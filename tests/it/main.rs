//! What cf-packages does, as a specification: each file is a chapter.

mod exporting;
mod listing_2015;
mod seeding;
mod support;
