//! What cf-packages does, as a specification: each file is a chapter.

mod authorization;
mod exporting;
mod listing_2015;
mod paging;
mod seeding;
mod support;
mod visibility;
