//! Processes, as clients list them. They are not stored: every app has one, of the type `web`, whose guid is that of the
//! app. No instance of it runs.

use std::sync::LazyLock;

use super::{
    App, AppRecord, By, Filter, Join, ORGANIZATION_GUIDS, Parent, Resource, SPACE_GUIDS, Scope,
    SortColumn, Statements, Table, filter, order, selective,
};

/// The type of every process.
pub const WEB: &str = "web";

/// The processes. Each row of `apps` is one.
#[derive(Debug)]
pub struct Process;

impl Table for Process {
    type Record<'r> = AppRecord<'r>;

    const TABLE: &'static str = App::TABLE;
    const JOINS: &'static [Join] = App::JOINS;

    fn statements() -> &'static Statements {
        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::of::<Process>);
        &STATEMENTS
    }
}

impl Resource for Process {
    const FILTERS: &'static [Filter] = &[
        selective("guids", "r.guid", By::Value),
        selective("app_guids", "r.guid", By::Value),
        ORGANIZATION_GUIDS,
        SPACE_GUIDS,
        filter("types", "'web'", By::Value),
    ];
    const SORT_COLUMNS: &'static [SortColumn] = &[
        order("created_at", "r.created_at"),
        order("updated_at", "r.created_at"),
    ];
    const SCOPE: Scope = App::SCOPE;
    const TRACKED: bool = App::TRACKED;
    const NOT_FOUND: &'static str = "Process not found";

    fn parent(_: &AppRecord<'_>) -> Parent {
        Parent::None
    }
}
