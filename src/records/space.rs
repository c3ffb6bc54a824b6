//! Spaces, the parents of apps.

use std::sync::LazyLock;

use super::{
    By, ColumnVisitor, Filter, Join, LabelIndex, Parent, Record, Resource, Scope, SortColumn,
    Statements, Table, Valid, filter, order, rules, selective,
};

/// The spaces.
#[derive(Debug)]
pub struct Space;

/// One space, as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceRecord<'r> {
    /// The id of the row.
    pub id: i64,
    /// The guid.
    pub guid: &'r str,
    /// The name, as shown.
    pub name: &'r str,
    /// The name in lower case. It is unique in the organization.
    pub folded_name: &'r str,
    /// The id of the organization.
    pub organization_id: i64,
    /// Seconds since 1970, UTC.
    pub created_at: i64,
    /// A JSON object of text.
    pub labels: &'r str,
    /// A JSON object of text.
    pub annotations: &'r str,
    /// The guid of the organization.
    pub organization_guid: &'r str,
}

impl<'r> Record<'r> for SpaceRecord<'r> {
    #[inline]
    fn visit_columns<V: ColumnVisitor<'r>>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        visitor.id(&mut self.id)?;
        visitor.guid("guid", &mut self.guid)?;
        visitor.limited("name", Valid::Name, &mut self.name)?;
        visitor.column("folded_name", &mut self.folded_name)?;
        visitor.column("organization_id", &mut self.organization_id)?;
        visitor.limited("created_at", Valid::Time, &mut self.created_at)?;
        visitor.limited("labels", Valid::Labels, &mut self.labels)?;
        visitor.limited("annotations", Valid::Annotations, &mut self.annotations)?;
        visitor.joined("o.guid", &mut self.organization_guid)
    }

    fn labels(&self) -> Option<&'r str> {
        Some(self.labels)
    }

    fn derived_fault(&self) -> Option<&'static str> {
        rules::folded_name_fault(self.name, self.folded_name)
    }
}

impl Table for Space {
    type Record<'r> = SpaceRecord<'r>;

    const TABLE: &'static str = "spaces";
    const LABELS: Option<LabelIndex> = Some(LabelIndex {
        table: "space_labels",
        owner: "space_id",
    });
    const JOINS: &'static [Join] = &[Join {
        table: "organizations o",
        on: "o.id = r.organization_id",
    }];

    fn statements() -> &'static Statements {
        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::of::<Space>);
        &STATEMENTS
    }
}

impl Resource for Space {
    const FILTERS: &'static [Filter] = &[
        selective("guids", "r.guid", By::Value),
        filter("names", "r.folded_name", By::FoldedValue),
        filter(
            "organization_guids",
            "r.organization_id",
            By::Id("select id from organizations where guid"),
        ),
    ];
    const SORT_COLUMNS: &'static [SortColumn] = &[
        order("created_at", "r.created_at"),
        order("updated_at", "r.created_at"),
        order("name", "r.folded_name"),
    ];
    const SCOPE: Scope = Scope::Spaces("r.id");
    const TRACKED: bool = false;
    const NOT_FOUND: &'static str = "Space not found";

    fn parent(record: &SpaceRecord<'_>) -> Parent {
        Parent::Organization(record.organization_id)
    }
}
