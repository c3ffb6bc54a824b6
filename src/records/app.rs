//! Apps, the parents of packages. Every app is stopped and has no droplet.

use std::sync::LazyLock;

use super::{
    By, ColumnVisitor, Filter, Join, LabelIndex, ORGANIZATION_GUIDS, Parent, Record, Resource,
    SPACE_GUIDS, Scope, SortColumn, Statements, Table, Valid, filter, order, rules, selective,
};

/// The lifecycle of an app for which none is given.
pub const DEFAULT_LIFECYCLE: &str = "buildpack";
/// The lifecycles of an app.
pub const LIFECYCLES: &[&str] = &[DEFAULT_LIFECYCLE, "docker", "cnb"];

/// The apps.
#[derive(Debug)]
pub struct App;

/// One app, as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppRecord<'r> {
    /// The id of the row.
    pub id: i64,
    /// The guid.
    pub guid: &'r str,
    /// The name, as shown.
    pub name: &'r str,
    /// The name in lower case. It is unique in the space.
    pub folded_name: &'r str,
    /// The id of the space.
    pub space_id: i64,
    /// One of [`LIFECYCLES`].
    pub lifecycle: &'r str,
    /// Seconds since 1970, UTC.
    pub created_at: i64,
    /// A JSON object of text.
    pub labels: &'r str,
    /// A JSON object of text.
    pub annotations: &'r str,
    /// The guid of the space.
    pub space_guid: &'r str,
}

impl<'r> Record<'r> for AppRecord<'r> {
    #[inline]
    fn visit_columns<V: ColumnVisitor<'r>>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        visitor.id(&mut self.id)?;
        visitor.guid("guid", &mut self.guid)?;
        visitor.limited("name", Valid::Name, &mut self.name)?;
        visitor.column("folded_name", &mut self.folded_name)?;
        visitor.column("space_id", &mut self.space_id)?;
        visitor.limited("lifecycle", Valid::OneOf(LIFECYCLES), &mut self.lifecycle)?;
        visitor.limited("created_at", Valid::Time, &mut self.created_at)?;
        visitor.limited("labels", Valid::Labels, &mut self.labels)?;
        visitor.limited("annotations", Valid::Annotations, &mut self.annotations)?;
        visitor.joined("s.guid", &mut self.space_guid)
    }

    fn labels(&self) -> Option<&'r str> {
        Some(self.labels)
    }

    fn derived_fault(&self) -> Option<&'static str> {
        rules::folded_name_fault(self.name, self.folded_name)
    }
}

impl Table for App {
    type Record<'r> = AppRecord<'r>;

    const TABLE: &'static str = "apps";
    const LABELS: Option<LabelIndex> = Some(LabelIndex {
        table: "app_labels",
        owner: "app_id",
    });
    const JOINS: &'static [Join] = &[Join {
        table: "spaces s",
        on: "s.id = r.space_id",
    }];

    fn statements() -> &'static Statements {
        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::of::<App>);
        &STATEMENTS
    }
}

impl Resource for App {
    const FILTERS: &'static [Filter] = &[
        selective("guids", "r.guid", By::Value),
        filter("names", "r.folded_name", By::FoldedValue),
        ORGANIZATION_GUIDS,
        SPACE_GUIDS,
        filter(
            "stacks",
            "case when r.lifecycle = 'buildpack' then 'cflinuxfs4' end",
            By::Value,
        ),
        filter("lifecycle_type", "r.lifecycle", By::Value),
    ];
    const SORT_COLUMNS: &'static [SortColumn] = &[
        order("created_at", "r.created_at"),
        order("updated_at", "r.created_at"),
        order("name", "r.folded_name"),
        order("state", "'STOPPED'"),
    ];
    const SCOPE: Scope = Scope::Spaces("r.space_id");
    const TRACKED: bool = false;
    const NOT_FOUND: &'static str = "App not found";

    fn parent(record: &AppRecord<'_>) -> Parent {
        Parent::Space(record.space_id)
    }
}
