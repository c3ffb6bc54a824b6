//! Droplets: what staged builds have made. Each is `STAGED` and has neither bits nor labels.

use std::sync::LazyLock;

use super::{
    APP_GUIDS, By, ColumnVisitor, Filter, Join, ORGANIZATION_GUIDS, Parent, Record, Resource,
    SPACE_GUIDS, Scope, SortColumn, Statements, Table, Valid, app::LIFECYCLES, filter, order,
    selective,
};

/// The droplets.
#[derive(Debug)]
pub struct Droplet;

/// One droplet, as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DropletRecord<'r> {
    /// The id of the row.
    pub id: i64,
    /// The guid.
    pub guid: &'r str,
    /// The id of the app.
    pub app_id: i64,
    /// The id of the app's space. It follows the app when the app moves.
    pub space_id: i64,
    /// The guid of the package, which may have been deleted since.
    pub package_guid: &'r str,
    /// One of [`LIFECYCLES`].
    pub lifecycle: &'r str,
    /// A JSON array of text: the buildpacks that were requested.
    pub buildpacks: &'r str,
    /// The stack; `None` if the lifecycle has none.
    pub stack: Option<&'r str>,
    /// Docker: the image of the package.
    pub image: Option<&'r str>,
    /// Seconds since 1970, UTC.
    pub created_at: i64,
    /// The guid of the app.
    pub app_guid: &'r str,
}

impl<'r> Record<'r> for DropletRecord<'r> {
    fn visit_columns<V: ColumnVisitor<'r>>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        visitor.id(&mut self.id)?;
        visitor.guid("guid", &mut self.guid)?;
        visitor.fixed("app_id", &mut self.app_id)?;
        visitor.fixed("space_id", &mut self.space_id)?;
        visitor.guid("package_guid", &mut self.package_guid)?;
        visitor.fixed_limited("lifecycle", Valid::OneOf(LIFECYCLES), &mut self.lifecycle)?;
        visitor.fixed_limited("buildpacks", Valid::Texts, &mut self.buildpacks)?;
        visitor.fixed("stack", &mut self.stack)?;
        visitor.fixed("image", &mut self.image)?;
        visitor.fixed_limited("created_at", Valid::Time, &mut self.created_at)?;
        visitor.joined("a.guid", &mut self.app_guid)
    }
}

impl Table for Droplet {
    type Record<'r> = DropletRecord<'r>;

    const TABLE: &'static str = "droplets";
    const JOINS: &'static [Join] = &[Join {
        table: "apps a",
        on: "a.id = r.app_id",
    }];

    fn statements() -> &'static Statements {
        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::of::<Droplet>);
        &STATEMENTS
    }
}

impl Resource for Droplet {
    const FILTERS: &'static [Filter] = &[
        selective("guids", "r.guid", By::Value),
        APP_GUIDS,
        ORGANIZATION_GUIDS,
        selective("package_guids", "r.package_guid", By::Value),
        SPACE_GUIDS,
        filter("states", "'STAGED'", By::Value),
    ];
    const SORT_COLUMNS: &'static [SortColumn] = &[
        order("created_at", "r.created_at"),
        order("updated_at", "r.created_at"),
    ];
    const SCOPE: Scope = Scope::Spaces("r.space_id");
    const TRACKED: bool = false;
    const NOT_FOUND: &'static str = "Droplet not found";

    fn parent(_: &DropletRecord<'_>) -> Parent {
        Parent::None
    }
}
